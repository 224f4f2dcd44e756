// One exchange, as its steps see it, and what all of them may end with: a no, and the record.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "proxy/net/polled_stream.hpp"
#include "proxy/net/waiter.hpp"
#include "proxy/observe/record.hpp"
#include "proxy/policy/judge.hpp"
#include "proxy/session/floor.hpp"
#include "proxy/session/visitor.hpp"
#include "proxy/web/files.hpp"
#include "proxy/web/login_page.hpp"

namespace bascule::session {

using namespace std::chrono_literals;

// How long the last answer of a connection may take to arrive, and a client to take bytes of a page.
inline constexpr auto parting_patience = 5s;
inline constexpr auto page_patience = 60s;

enum class Next : std::uint8_t {
  another,  // the connection may carry another request
  over,     // nothing is left to do with it; `client` is null when it has become a session
};

struct Talk {
  Floor& floor;
  net::Waiter& waiter;
  const Visitor& visitor;
  std::unique_ptr<net::PolledStream>& client;
  observe::SessionRecord record;
};

// How a no is said.
struct Manner {
  bool head_only = false;  // to HEAD
  web::KeepAlive keep_alive = web::KeepAlive::no;
  const policy::CloseAnswer* by_close = nullptr;  // as the route's `refuse` says
  const web::LoginPage* login = nullptr;          // with a page to log in
  bool asks_no_window = false;                    // a browser is not to ask for a password by a window of its own
};

// The one place that turns a no into an answer and a record. What follows on the connection is never spliced anywhere:
// it is dropped, or read as the next request.
net::Async<Next> refuse(Talk& talk, const policy::Refused& refused, const Manner& manner);

// Sends an answer that is whole, then goes on or parts.
net::Async<Next> answer(Talk& talk, const std::string& bytes, web::KeepAlive keep_alive, Duration patience);

// A route has matched.
void note_route(Talk& talk, const policy::Route& route);
// What an earlier judgement by other rules had found out.
void forget_judgement(Talk& talk);
// The client left before it was answered, or we did.
void record_no_answer(Talk& talk);

// May the connection carry another request behind this one?
web::KeepAlive keep_alive_after(const wire::http::RequestHead& head);

}  // namespace bascule::session
