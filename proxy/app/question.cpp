#include "proxy/app/question.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdint>
#include <functional>
#include <set>
#include <utility>
#include <vector>

#include "proxy/app/proving.hpp"
#include "proxy/base/text.hpp"
#include "proxy/policy/origin.hpp"
#include "proxy/session/identify.hpp"
#include "proxy/wire/http/authority.hpp"
#include "proxy/wire/http/characters.hpp"
#include "proxy/wire/http/forwarded.hpp"
#include "proxy/wire/http/parameters.hpp"

namespace bascule::app {

namespace {

using config::DescribedVisit;
using policy::Listener;
using policy::Origin;
using policy::Rules;
using wire::http::Authority;
using wire::http::Field;

struct Url {
  bool secure = false;
  bool websocket = false;
  std::string host;    // as a Host field says it: without the port where it is the default
  std::string target;  // path and query
  Authority authority;
  std::uint16_t port = 0;  // with the default filled in
  Origin origin;           // of a page that came from there
};

struct Scheme {
  std::string_view name;
  bool secure;
  bool websocket;
};
constexpr std::array<Scheme, 4> schemes{
    {{"ws", false, true}, {"wss", true, true}, {"http", false, false}, {"https", true, false}}};

Result<Url, BadQuestion> parse_url(std::string_view text) {
  const auto bad = [&text](std::string_view why) {
    return BadQuestion{"url", fmt::format("'{}': {}", shown(text), why)};
  };
  const std::size_t colon = text.find("://");
  const auto* const scheme = std::find_if(schemes.begin(), schemes.end(), [&](const Scheme& known) {
    return colon != std::string_view::npos && lowered(text.substr(0, colon)) == known.name;
  });
  if (scheme == schemes.end()) { return bad("a URL begins with ws://, wss://, http:// or https://"); }
  std::string_view rest = text.substr(colon + 3);
  if (rest.find('#') != std::string_view::npos) {
    return bad("what follows a '#' is never sent; leave it out (RFC 6455, section 3)");
  }
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?"));
  rest.remove_prefix(authority.size());
  if (authority.find('@') != std::string_view::npos) { return bad("a user in a URL is not sent; leave it out"); }
  auto parsed = wire::http::parse_authority(authority);
  if (!parsed) { return bad("its host is not one; names that are not ASCII are written in their xn-- form"); }
  const bool sendable =
      std::all_of(rest.begin(), rest.end(), [](char c) { return c > ' ' && c < '\x7f' && c != '"' && c != '<'; });
  if (!sendable) { return bad("spaces and what is not ASCII are written as %XX"); }

  const std::uint16_t default_port = scheme->secure ? 443 : 80;
  Url url{.secure = scheme->secure,
          .websocket = scheme->websocket,
          .host = std::string(authority),
          .target = (rest.starts_with('/') ? "" : "/") + std::string(rest),
          .authority = std::move(*parsed),
          .port = default_port,
          .origin = {}};
  if (url.authority.port) { url.port = *url.authority.port; }
  if (url.port == default_port && url.authority.port) { url.host.resize(url.host.rfind(':')); }
  const auto origin = policy::make_origin(url.secure ? "https" : "http", url.host);
  if (!origin) { return bad("its host is not one"); }
  url.origin = *origin;
  return url;
}

// --- the listener ----------------------------------------------------------------------------------------------------

struct Choice {
  const Listener* listener = nullptr;
  std::string why;
};

bool stands_behind_tls(const Listener& listener) {
  return listener.tls || listener.trusted_proxies || listener.proxy_protocol ||
         (listener.public_url && listener.public_url->scheme == "https");
}

// One that listens on the URL's port, best of all on its very address.
const Listener* listener_on_port(const Rules& rules, const Url& url) {
  const Listener* found = nullptr;
  for (const Listener& listener : rules.listeners) {
    if (!listener.address.is_ip() || listener.address.port() != url.port) { continue; }
    if (listener.address.host_text() == url.authority.host) { return &listener; }
    if (found == nullptr) { found = &listener; }
  }
  return found;
}

Choice choose_listener(const Rules& rules, const Url& url) {
  const auto by_url = std::find_if(rules.listeners.begin(), rules.listeners.end(), [&](const Listener& listener) {
    return listener.public_url && *listener.public_url == url.origin;
  });
  const Listener* on_port = listener_on_port(rules, url);
  // A public_url may also stand where http is sent to https, and the URL be that of the listener it is sent to.
  const bool speaks_it = on_port != nullptr && on_port->tls && url.secure;
  if (by_url != rules.listeners.end() && !speaks_it) { return {&*by_url, "its public_url fits"}; }
  if (on_port != nullptr) { return {on_port, "its port fits"}; }
  if (rules.listeners.size() == 1) { return {&rules.listeners.front(), "the only one"}; }
  const auto by_scheme = std::find_if(rules.listeners.begin(), rules.listeners.end(), [&](const Listener& listener) {
    return stands_behind_tls(listener) == url.secure;
  });
  if (by_scheme != rules.listeners.end()) {
    const std::string_view with = by_scheme->tls ? "the first with TLS" : "the first behind something that speaks TLS";
    return {&*by_scheme, std::string(url.secure ? with : "the first without TLS in front")};
  }
  return {&rules.listeners.front(), "the first"};
}

Result<Choice, BadQuestion> choose_listener(const DescribedVisit& visit, const Rules& rules, const Url& url) {
  if (!visit.listener) { return choose_listener(rules, url); }
  if (const Listener* named = rules.listener(*visit.listener)) { return Choice{named, "as asked"}; }
  std::vector<std::string> names;
  for (const Listener& listener : rules.listeners) { names.push_back(listener.name); }
  return BadQuestion{"listener", fmt::format("there is no listener '{}'; there {} {}", shown(*visit.listener),
                                             names.size() == 1 ? "is" : "are", fmt::join(names, ", "))};
}

// --- the visitor -----------------------------------------------------------------------------------------------------

Result<Address, BadQuestion> client_of(const DescribedVisit& visit, const Listener& listener) {
  if (!visit.client) {
    const bool is_unix = listener.address.family() == Address::Family::unix_path;
    return is_unix && !listener.trusted_proxies && !listener.proxy_protocol ? Address::unix_path("")
                                                                            : Address::ipv4({127, 0, 0, 1}, 0);
  }
  if (*visit.client == "unix") { return Address::unix_path(""); }
  if (const auto address = Address::parse_ip(*visit.client, 0)) { return address->unmapped(); }
  return BadQuestion{"client", fmt::format("'{}' is no address; write 192.0.2.7, 2001:db8::7, or unix for a visitor by "
                                           "a Unix socket",
                                           shown(*visit.client))};
}

Result<policy::Identity, BadQuestion> identity_of(std::string_view as) {
  const std::size_t colon = std::min(as.find(':'), as.size());
  policy::Identity identity{.user = std::string(as.substr(0, colon)), .groups = {}};
  bool well = !identity.user.empty();
  for (std::string_view rest = as.substr(colon); well && !rest.empty();) {
    rest.remove_prefix(1);
    const std::string_view group = rest.substr(0, rest.find(','));
    rest.remove_prefix(group.size());
    well = !group.empty();
    identity.groups.emplace_back(group);
  }
  if (well) { return identity; }
  return BadQuestion{"as", fmt::format("'{}': a user and his groups are written ada or ada:support,admins", shown(as))};
}

// The address of a trusted proxy from which this listener takes connections.
Address trusted_proxy_of(const Listener& listener) {
  const policy::TrustedProxies& trusted = *listener.trusted_proxies;
  std::vector<Address> known;
  for (const Network& network : trusted.addresses.networks) { known.push_back(network.base()); }
  if (trusted.addresses.unix_sockets) { known.push_back(Address::unix_path("")); }
  const bool at_unix = listener.address.family() == Address::Family::unix_path;
  std::stable_partition(known.begin(), known.end(), [&](const Address& address) {
    return (address.family() == Address::Family::unix_path) == at_unix;
  });
  const auto welcome = std::find_if(known.begin(), known.end(),
                                    [&](const Address& address) { return policy::may_connect(listener, address); });
  if (welcome != known.end()) { return *welcome; }
  return known.empty() ? Address::unix_path("") : known.front();
}

// What it says of the visitor (RFC 7239, section 4; X-Forwarded-For has no standard, but this is how all write it).
void add_forwarding(Question& question, wire::http::ForwardingField field, const Address& client, const Url& url) {
  const std::string who = client.is_ip() ? client.host_text() : "unknown";
  const std::string scheme = url.secure ? "https" : "http";
  if (field == wire::http::ForwardingField::forwarded) {
    const bool brackets = client.family() == Address::Family::ipv6;
    question.head.fields.push_back(
        {"forwarded", fmt::format("for={};proto={}", brackets ? "\"[" + who + "]\"" : who, scheme)});
  } else {
    question.head.fields.push_back({"x-forwarded-for", who});
    question.head.fields.push_back({"x-forwarded-proto", scheme});
  }
}

// --- TLS -------------------------------------------------------------------------------------------------------------

void add_tls(Question& question, const Listener& listener, const Url& url) {
  question.tls_unseen = url.secure && !stands_behind_tls(listener);
  if (!listener.tls) {
    // Nothing else on the wire tells the listener of a TLS that ends in front of it.
    question.secure = url.secure && listener.proxy_protocol.has_value();
    return;
  }
  const bool himself = question.through.empty();
  question.tls_here = url.secure || !himself;
  question.secure = question.tls_here;
  const bool named = himself && url.secure && url.authority.kind == Authority::Kind::name;
  if (named) { question.sni = url.authority.host; }
}

// --- the head --------------------------------------------------------------------------------------------------------

bool is_value(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return wire::http::is_in(wire::http::value_characters, c); });
}

std::optional<BadQuestion> fill_head(Question& question, const DescribedVisit& visit, const Url& url) {
  auto& head = question.head;
  head.method = "GET";
  head.target = url.target;
  for (const auto& [name, value] : visit.headers) {
    if (!wire::http::is_token(name) || !is_value(value)) {
      return BadQuestion{"header", fmt::format("'{}: {}' is no header field", shown(name), shown(value))};
    }
    head.fields.push_back({lowered(name), std::string(trimmed(value))});
  }
  const auto add = [&head, described = head.fields](std::string name, std::string value) {
    const bool is_described =
        std::any_of(described.begin(), described.end(), [&](const Field& field) { return field.name == name; });
    if (!is_described) { head.fields.push_back({std::move(name), std::move(value)}); }
  };
  add("host", url.host);
  if (visit.origin) {
    if (!is_value(*visit.origin)) {
      return BadQuestion{"origin", fmt::format("'{}' cannot be sent", shown(*visit.origin))};
    }
    add("origin", *visit.origin == "same" ? policy::text_of(url.origin) : *visit.origin);
  }
  if (!url.websocket) { return std::nullopt; }
  add("upgrade", "websocket");
  add("connection", "Upgrade");
  add("sec-websocket-version", "13");
  add("sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA==");
  for (const std::string& protocol : visit.protocols) {
    if (!wire::http::is_token(protocol)) {
      return BadQuestion{"protocol", fmt::format("'{}' is no subprotocol: they are words", shown(protocol))};
    }
  }
  if (!visit.protocols.empty()) { add("sec-websocket-protocol", fmt::format("{}", fmt::join(visit.protocols, ", "))); }
  return std::nullopt;
}

}  // namespace

Result<Question, BadQuestion> make_question(const DescribedVisit& visit, const Rules& rules) {
  assert(!rules.listeners.empty());
  const auto url = parse_url(visit.url);
  if (!url) { return url.error(); }
  const auto choice = choose_listener(visit, rules, *url);
  if (!choice) { return choice.error(); }
  const Listener& listener = *choice->listener;
  const auto client = client_of(visit, listener);
  if (!client) { return client.error(); }

  Question question{.url = url_without_credentials(visit.url, rules),
                    .head = {},
                    .listener = listener.name,
                    .listener_why = choice->why,
                    .peer = *client,
                    .through = {}};
  if (visit.as) {
    auto identity = identity_of(*visit.as);
    if (!identity) { return identity.error(); }
    question.identity = std::move(*identity);
  }
  if (auto bad = fill_head(question, visit, *url)) { return std::move(*bad); }
  if (listener.trusted_proxies) {
    const auto field = listener.trusted_proxies->field;
    if (question.head.find(wire::http::name_of(field)) == nullptr) {
      add_forwarding(question, field, *client, *url);
      question.peer = trusted_proxy_of(listener);
      question.through = question.peer.is_ip() ? question.peer.host_text() : "unix";
    }
  }
  add_tls(question, listener, *url);
  return question;
}

policy::Judgement judge(const Rules& rules, const Question& question, policy::Trace* trace) {
  policy::Visit visit{.listener = question.listener,
                      .peer = question.peer,
                      .secure = question.secure,
                      .tls_here = question.tls_here,
                      .sni = question.sni,
                      .identity = question.identity ? &*question.identity : nullptr,
                      .assumed = question.identity.has_value()};
  policy::Judgement judgement = policy::judge(rules, visit, question.head, trace);
  const auto* unproven = std::get_if<policy::Unproven>(&judgement.verdict);
  if (unproven == nullptr) { return judgement; }

  const session::Seen seen{.client = judgement.client, .host = judgement.host};
  auth::Prover::Outcome outcome = prove_now(*unproven, question.head, seen);
  std::optional<policy::Refused> refused;
  if (outcome) {
    visit.identity = &outcome->identity;
  } else {
    refused = session::refused_by(std::move(outcome.error()));
    visit.unproven = &*refused;
  }
  if (trace != nullptr) { trace->clear(); }
  return policy::judge(rules, visit, question.head, trace);
}

std::string url_without_credentials(const std::string& url, const Rules& rules) {
  std::set<std::string, std::less<>> secret{"ticket", "token"};
  for (const auto& [name, proof] : rules.proofs) {
    for (const proof::CredentialPlace& place : proof->credential_places()) {
      if (place.in == proof::CredentialPlace::In::query) { secret.insert(place.name); }
    }
  }
  const std::size_t begin = url.find('?');
  if (begin == std::string::npos) { return url; }
  std::string masked = url.substr(0, begin);
  for (std::size_t at = begin; at < url.size();) {
    const std::size_t end = std::min(url.find('&', at + 1), url.size());
    const std::string_view pair = std::string_view(url).substr(at + 1, end - at - 1);
    const std::size_t equals = std::min(pair.find('='), pair.size());
    masked += url[at];
    // By its decoded name, as it would be found: "%74icket" is "ticket".
    const bool is_secret = std::any_of(secret.begin(), secret.end(), [&](const std::string& name) {
      return !wire::http::query_parameters(pair, name).empty();
    });
    masked += is_secret ? fmt::format("{}=***", pair.substr(0, equals)) : std::string(pair);
    at = end;
  }
  return masked;
}

}  // namespace bascule::app
