// A visit that somebody describes, made into the request that the judgement would see: what `explain` and `test` ask.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "proxy/base/address.hpp"
#include "proxy/base/result.hpp"
#include "proxy/config/cases.hpp"
#include "proxy/policy/judge.hpp"
#include "proxy/wire/http/head_parser.hpp"

namespace bascule::app {

struct Question {
  std::string url;  // as asked, to be printed: credentials in its query are masked
  wire::http::RequestHead head;
  std::string listener;
  std::string listener_why;  // "as asked", "the only one", ...
  Address peer;              // who the connection is from
  std::string through;       // the trusted proxy that tells of the visitor: "127.0.0.1"; empty: he comes himself
  bool secure = false;
  bool tls_here = false;    // by TLS that the listener ends itself
  std::string sni{};        // the name that is asked for by it
  bool tls_unseen = false;  // the URL says TLS, and nothing would tell the listener of it
  std::optional<policy::Identity> identity{};
};

struct BadQuestion {
  std::string key;   // of the description: "url", "client"
  std::string text;  // what is wrong with it, and how it is written right
};

// ws and wss become an upgrade, http and https a GET for a page. What a browser sends by itself is filled in; a header
// that is described takes the place of ours. REQUIRES: the rules have a listener.
//
// Where the listener has `trusted_proxies` and the visitor is none of them, he is taken to come through one that tells
// of him in the field the listener believes, unless the description has that field itself. A proxy comes to a listener
// that has TLS by TLS, and names nobody by it.
Result<Question, BadQuestion> make_question(const config::DescribedVisit& visit, const policy::Rules& rules);

// Asks for the proofs as well, where the route does and nobody said whom to take the visitor for (app/proving).
policy::Judgement judge(const policy::Rules& rules, const Question& question, policy::Trace* trace = nullptr);

// A URL whose query holds a credential, as any proof of the rules would look for it, is printed without.
std::string url_without_credentials(const std::string& url, const policy::Rules& rules);

}  // namespace bascule::app
