// Requests that bascule answers itself: a file, its health, a login.
#pragma once

#include "proxy/auth/prover.hpp"
#include "proxy/policy/judge.hpp"
#include "proxy/session/talk.hpp"
#include "proxy/wire/http/head_parser.hpp"

namespace bascule::session {

// `passed`: who reads it, where the route asked; what was taken for him is used up once he has it.
net::Async<Next> serve_page(Talk& talk, const wire::http::RequestHead& head, const policy::Page& page,
                            auth::Passed& passed);

// To the same page by https.
net::Async<Next> send_elsewhere(Talk& talk, const wire::http::RequestHead& head, const policy::Redirect& redirect);

// The form of a login page: a session cookie, and back to where it was sent from; or the page once more.
net::Async<Next> log_in(Talk& talk, const wire::http::RequestHead& head, const policy::Login& login);

// Not the window of a browser, but the page to log in is how a person gets in here: also where a script of his page
// asks.
bool asks_no_window(const policy::Route& route, const wire::http::RequestHead& head);

// The page to log in, for a browser that was told no at a page of this route; without a realm where there is none.
std::optional<web::LoginPage> login_page_for(const policy::Route& route, const wire::http::RequestHead& head,
                                             policy::Refusal refusal);

}  // namespace bascule::session
