// The judgement: may this request come in, and where does it lead? Pure; live requests, `explain` and `test` are judged
// by this one function, so they cannot drift apart.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "proxy/base/address.hpp"
#include "proxy/policy/refusal.hpp"
#include "proxy/policy/rules.hpp"
#include "proxy/wire/http/head_parser.hpp"
#include "proxy/wire/ws/handshake.hpp"

namespace bascule::policy {

// What is known of a request besides its head.
struct Visit {
  std::string_view listener{};         // its name
  Address peer{};                      // who the connection is from: after a PROXY header, its source
  bool secure = false;                 // by TLS, as far as the connection tells
  bool tls_here = false;               // by TLS that the listener itself has ended
  bool other_authorities = false;      // `client_ca` is another by now: what was shown then does not count
  std::string_view sni{};              // the name that was asked for by it, lower case; empty: none
  const Identity* identity = nullptr;  // who he has proven to be; nullptr: nobody yet
  bool assumed = false;                // take the identity as it is, whatever the route asks for (`explain --as`)
  const Refused* unproven = nullptr;   // he was asked, and this came of it
  const Address* proxy = nullptr;      // who connected, where a PROXY header says that `peer` is another
};

// --- why -------------------------------------------------------------------------------------------------------------

// One step of a judgement, for people.
struct Finding {
  Step step = Step::head;
  bool passed = true;
  std::string text;  // "route 'desk' takes desk.example.org/desk/{id}"; safe to print
  Place place{};     // of the rule that decided; without a file where none did
};
using Trace = std::vector<Finding>;

// --- the judgement ---------------------------------------------------------------------------------------------------

// Yes, to a session: dial, then answer 101 with `protocol`.
struct Admitted {
  std::shared_ptr<const Route> route;
  wire::ws::Upgrade upgrade;
  std::string protocol;              // the subprotocol to answer; empty: none
  std::string origin;                // as the client sent it, for the record; empty without one
  std::optional<Endpoint> target{};  // where to, for a service whose address is made or looked up for this visitor
  std::string user{};                // empty: nobody
};

// Perhaps: the route asks for a proof. Whoever can wait finds out what he can prove (auth/), and judges again with what
// came of it.
struct Unproven {
  std::shared_ptr<const Route> route;
  std::vector<std::pair<std::string, std::string>> captures;  // of its path
  std::string path;                                           // of the target, as written
  std::string query;                                          // likewise
  std::string own_origin;                                     // ours, as the visitor's browser sees it
};

// Perhaps: somebody sends the form of a login page, from a page of ours.
struct Login {
  std::shared_ptr<const Route> route;
};

// Yes, to a page (whoever needs to know who reads it has proven it): `below` is the decoded path below the route's
// prefix, its segments joined by '/'. Without a leading
// '/'; empty or ending in '/' means a folder. Each segment is free of '/', '.', '..' and control bytes (parse_target).
struct Page {
  std::shared_ptr<const Route> route;
  std::string below;
  bool head_only = false;  // HEAD
};

// Elsewhere: the same page by https, for a listener that has TLS and sends those who come without it there.
struct Redirect {
  std::shared_ptr<const Route> route;
  std::string location;  // a whole URL, of visible ASCII
};

// How to say no by a Close that a page can read (`refuse: close`): only after the origin has passed, for a page of
// another origin must not learn what is behind this door.
struct CloseAnswer {
  wire::ws::Upgrade upgrade;
  std::string protocol;  // one that was offered, so that the browser takes the 101; empty: none was
};

// No. `route` is set when one had matched.
struct Denied {
  std::shared_ptr<const Route> route;
  Refused refused;
  std::optional<CloseAnswer> by_close{};
};

struct Judgement {
  Address client;    // the visitor, as far as those in front of us are believed
  std::string host;  // as asked for, safe to print; empty when none was
  std::variant<Admitted, Page, Unproven, Login, Redirect, Denied> verdict;
};

// May a peer talk to this listener at all? Asked before anything is read: the peer is that of the connection itself,
// whatever a PROXY header says afterwards.
bool may_connect(const Listener& listener, const Address& peer);

// The order of steps is that of `Step`. `trace` gets one finding a step that was taken, the refusing one last.
Judgement judge(const Rules& rules, const Visit& visit, const wire::http::RequestHead& head, Trace* trace = nullptr);

}  // namespace bascule::policy
