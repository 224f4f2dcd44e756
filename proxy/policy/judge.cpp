#include "proxy/policy/judge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>

#include "proxy/base/text.hpp"
#include "proxy/policy/destination.hpp"
#include "proxy/policy/match.hpp"
#include "proxy/policy/origin.hpp"
#include "proxy/wire/http/authority.hpp"
#include "proxy/wire/http/forwarded.hpp"
#include "proxy/wire/http/target.hpp"

namespace bascule::policy {

namespace {

using wire::http::ForwardedHop;
using wire::http::RequestHead;
using wire::http::Target;

// Whom the request means: the authority of an absolute-form target, else Host (RFC 9112, sections 3.2 and 3.2.2). A
// Host that is missing, doubled or wrong is an error even where the target wins. Null: malformed.
const std::string* authority_of(const RequestHead& head, const Target& target) {
  const std::size_t hosts = head.count("host");
  const bool may_lack = head.version_minor == 0 && !target.authority.empty();
  if (hosts > 1 || (hosts == 0 && !may_lack)) { return nullptr; }
  const std::string* host = head.find("host");
  if (host != nullptr && !wire::http::parse_authority(*host)) { return nullptr; }
  return target.authority.empty() ? host : &target.authority;
}

// The scheme of the page at which a visitor is who came to a proxy in this way; empty when that tells nothing. Of an
// upgrade some (Traefik) tell the scheme of the WebSocket.
std::string_view scheme_of_page(std::string_view proto) {
  if (proto == "https" || proto == "wss") { return "https"; }
  if (proto == "http" || proto == "ws") { return "http"; }
  return {};
}

// As it was sent, up to and with the empty line; white space around values not counted.
std::size_t bytes_of_head(const RequestHead& head) {
  constexpr std::size_t around_target = std::string_view("  HTTP/1.1\r\n").size();
  constexpr std::size_t around_value = std::string_view(": \r\n").size();
  std::size_t bytes = head.method.size() + head.target.size() + around_target;
  for (const wire::http::Field& field : head.fields) { bytes += field.name.size() + field.value.size() + around_value; }
  return bytes + std::string_view("\r\n").size();
}

std::string address_text(const Address& address) {
  if (address.is_ip()) { return address.host_text(); }
  return address.family() == Address::Family::none ? "unknown" : shown(address.text());
}

template <typename Items>
std::string listed(const Items& items) {
  return shown(fmt::format("{}", fmt::join(items, ", ")));
}

// What was offered, for the log. Tokens are offered in this way by many clients, to a route that knows nothing of it
// too.
std::string offered_text(std::vector<std::string> offered) {
  for (std::string& item : offered) {
    const std::size_t dot = item.find("bearer.");
    if (dot != std::string::npos) { item.replace(dot, std::string::npos, "bearer...."); }
  }
  return listed(offered);
}

// The first offered subprotocol that the route takes; empty when none was offered. Without a value: some were offered,
// and none fits. A 101 without one would be failed by a browser, with no word to anybody.
std::optional<std::string> choose_subprotocol(const Route& route, const std::vector<std::string>& offered) {
  if (offered.empty()) { return std::string(); }
  for (const std::string& protocol : offered) {
    const bool taken =
        std::find(route.subprotocols.begin(), route.subprotocols.end(), protocol) != route.subprotocols.end();
    if (taken) { return protocol; }
  }
  return std::nullopt;
}

// One judgement on its way: each step passes, or gives the no.
class Judging {
 public:
  Judging(const Rules& rules, const Visit& visit, const RequestHead& head, Trace* trace)
      : rules_(rules), visit_(visit), head_(head), trace_(trace), client_(visit.peer.unmapped()) {}

  Judgement run() {
    using Taken = std::optional<Refused> (Judging::*)();
    constexpr std::array<Taken, 3> at_the_door{&Judging::listener, &Judging::head, &Judging::route};
    constexpr std::array<Taken, 2> before{&Judging::upgrade, &Judging::origin};
    constexpr std::array<Taken, 4> after{&Judging::identity, &Judging::access, &Judging::subprotocol, &Judging::target};
    for (const Taken step : at_the_door) {
      if (auto no = (this->*step)()) { return said(denied(std::move(*no))); }
    }
    if (is_sent_to_tls()) { return said(redirect()); }
    for (const Taken step : before) {
      if (auto no = (this->*step)()) { return said(denied(std::move(*no))); }
    }
    if (is_login()) { return said(Login{.route = std::move(match_.route)}); }
    if (is_to_be_proven()) { return said(unproven()); }
    for (const Taken step : after) {
      if (auto no = (this->*step)()) { return said(denied(std::move(*no))); }
    }
    if (is_page()) {
      return said(Page{.route = std::move(match_.route),
                       .below = std::move(match_.path.below),
                       .head_only = head_.method == "HEAD"});
    }
    const std::string* sent = head_.find("origin");
    return said(Admitted{.route = std::move(match_.route),
                         .upgrade = std::move(*upgrade_),
                         .protocol = std::move(protocol_),
                         .origin = sent == nullptr ? std::string() : *sent,
                         .target = std::move(endpoint_),
                         .user = visit_.identity == nullptr ? std::string() : visit_.identity->user});
  }

 private:
  // --- listener ---

  std::optional<Refused> listener() {
    listener_ = rules_.listener(visit_.listener);
    if (listener_ == nullptr) {
      return refused(Refusal::address_not_welcome,
                     fmt::format("no listener is called '{}' any more", shown(visit_.listener)));
    }
    // Behind a PROXY header is the visitor; `allow` is about those who connect.
    const Address* connected = visit_.proxy != nullptr     ? visit_.proxy
                               : listener_->proxy_protocol ? nullptr
                                                           : &visit_.peer;
    if (connected != nullptr && !may_connect(*listener_, *connected)) {
      return refused(Refusal::address_not_welcome,
                     fmt::format("listener '{}' does not allow {}; a friend? add it to 'allow' of the listener",
                                 listener_->name, address_text(*connected)));
    }
    if (comes_without_tls() && listener_->tls->plain == PlainHttp::refuse) { return without_tls(); }
    pass(Step::listener, listener_->place, [&] {
      if (connected == nullptr) { return fmt::format("'{}', whose peers send a PROXY header", listener_->name); }
      return fmt::format("'{}' allows {}", listener_->name,
                         listener_->allow ? address_text(*connected) : std::string("every address"));
    });
    return std::nullopt;
  }

  // --- TLS ---

  bool comes_without_tls() const { return listener_->tls && !visit_.tls_here; }
  bool is_sent_to_tls() const {
    return comes_without_tls() && listener_->tls->plain == PlainHttp::redirect && is_page() &&
           (head_.method == "GET" || head_.method == "HEAD");
  }

  Refused without_tls() const {
    auto no = refused(Refusal::plain_not_taken,
                      fmt::format("plain HTTP at listener '{}', which has TLS; is it meant to come so? see 'plain' of "
                                  "its 'tls'",
                                  listener_->name));
    no.public_detail = "Come by https:// or wss://.";
    return no;
  }

  // To the host that was asked for, which is one that a route answers to, on the same port.
  Redirect redirect() {
    const bool elsewhere = listener_->public_url.has_value();
    const std::string origin = elsewhere ? text_of(*listener_->public_url) : fmt::format("https://{}", host_);
    std::string location = fmt::format("{}{}", origin, target_->path);
    if (!target_->query.empty()) { location += fmt::format("?{}", target_->query); }
    pass(Step::upgrade, place_, [&] { return fmt::format("a page by plain HTTP is sent to {}", shown(location)); });
    return {.route = std::move(match_.route), .location = std::move(location)};
  }

  // Who asks for a certificate asks by the name in the TLS handshake. Where another is meant by the request, nobody was
  // asked, or for another's sake; a browser comes again with a connection for the right one (RFC 9110, section
  // 15.5.20).
  std::optional<Refused> name_by_tls() const {
    if (!visit_.tls_here || !match_.route->auth.wants_certificate()) { return std::nullopt; }
    if (visit_.other_authorities) {
      return refused(Refusal::other_name,
                     "the TLS handshake asked for a certificate of other authorities than 'client_ca' has now, or for "
                     "none");
    }
    if (visit_.sni == host_name_) { return std::nullopt; }
    const bool an_address = visit_.sni.empty() && host_is_address_;
    if (an_address) { return std::nullopt; }
    return refused(Refusal::other_name,
                   fmt::format("the TLS handshake asked for '{}', the request for '{}', and route '{}' wants a client "
                               "certificate",
                               shown(visit_.sni), shown(host_name_), match_.route->name));
  }

  // --- head ---

  // The route is looked for here already, for how large a head may be is the route's to say.
  std::optional<Refused> head() {
    target_ = wire::http::parse_target(head_.target);
    if (!target_) {
      const std::string_view path = std::string_view(head_.target).substr(0, head_.target.find('?'));
      return refused(Refusal::malformed_head, fmt::format("bad request target '{}'", shown(path)));
    }
    const std::string* authority = authority_of(head_, *target_);
    const auto host = authority == nullptr ? std::nullopt : wire::http::parse_authority(*authority);
    if (!host) { return refused(Refusal::malformed_head, "no Host, more than one, or not a host"); }
    host_ = shown(*authority);
    host_name_ = host->host;
    host_is_address_ = host->kind != wire::http::Authority::Kind::name;
    if (auto no = forwarding(*authority)) { return no; }

    match_ = find_route(rules_, visit_.listener, *host, *target_, head_);
    if (match_.route) {
      if (auto no = size_of_head()) { return no; }
    }
    pass(Step::head, listener_->place, [&] {
      return fmt::format("{} {} at {}; the visitor is {}{}; own origin seen as {}", shown(head_.method, 20),
                         shown(target_->path), host_, address_text(client_), told_by_, text_of(own_.origin));
    });
    return std::nullopt;
  }

  std::optional<Refused> size_of_head() {
    const Limits& limits = match_.route->limits;
    const std::size_t bytes = bytes_of_head(head_);
    if (bytes > limits.head_bytes) {
      return refused(Refusal::head_too_large, fmt::format("a head of {} bytes; limits.head_size of route '{}' is {}",
                                                          bytes, match_.route->name, limits.head_bytes));
    }
    if (head_.fields.size() > limits.head_fields) {
      return refused(Refusal::head_too_large, fmt::format("{} header fields; limits.head_fields of route '{}' is {}",
                                                          head_.fields.size(), match_.route->name, limits.head_fields));
    }
    return std::nullopt;
  }

  // Who the visitor is and how his browser sees us, from what those in front of us say, if they are to be believed.
  std::optional<Refused> forwarding(const std::string& authority) {
    ForwardedHop hop;
    const auto& trusted = listener_->trusted_proxies;
    if (trusted && trusted->addresses.contains(visit_.peer)) {
      const auto hops = wire::http::forwarded_hops(head_, trusted->field);
      // Each hop is the word of the one to its right, the last that of the peer. What is behind the first one who is no
      // proxy of ours is his own word.
      auto nearest = hops.hops.rbegin();
      while (nearest != hops.hops.rend() && trusted->addresses.contains(nearest->client)) { ++nearest; }
      const bool all_trusted = nearest == hops.hops.rend();
      if (all_trusted && hops.malformed_before) {
        return refused(Refusal::malformed_forwarding, fmt::format("{} of trusted proxy {} cannot be read",
                                                                  name_of(trusted->field), address_text(visit_.peer)));
      }
      if (!hops.hops.empty()) {
        hop = all_trusted ? hops.hops.front() : *nearest;
        client_ = hop.client.unmapped();
        told_by_ = fmt::format(" ({} of {})", name_of(trusted->field), address_text(visit_.peer));
      }
    }
    return own_origin(hop, authority);
  }

  std::optional<Refused> own_origin(const ForwardedHop& hop, const std::string& authority) {
    if (listener_->public_url) {
      own_ = {.origin = *listener_->public_url, .by = OwnOrigin::By::public_url};
      return std::nullopt;
    }
    const std::string_view told = scheme_of_page(hop.proto);
    const bool scheme_told = !told.empty();
    const std::string_view scheme = scheme_told ? told : visit_.secure ? "https" : "http";
    const auto own = make_origin(scheme, hop.host.empty() ? authority : hop.host);
    if (!own) {
      return refused(Refusal::malformed_forwarding, fmt::format("the host that trusted proxy {} tells is none: '{}'",
                                                                address_text(visit_.peer), shown(hop.host)));
    }
    own_ = {.origin = *own, .by = scheme_told || !hop.host.empty() ? OwnOrigin::By::forwarding : by_connection()};
    return std::nullopt;
  }

  OwnOrigin::By by_connection() const {
    if (!listener_->proxy_protocol) { return OwnOrigin::By::request; }
    return visit_.secure ? OwnOrigin::By::forwarding : OwnOrigin::By::proxy_header;
  }

  // --- route ---

  std::optional<Refused> route() {
    if (!match_.host_known) {
      return refused(Refusal::unknown_host,
                     fmt::format("no route of listener '{}' answers to host '{}'; is it yours? write it into 'host' of "
                                 "its route",
                                 listener_->name, shown(host_name_)));
    }
    if (!match_.route) {
      std::string detail =
          fmt::format("no route of host '{}' has the path '{}'", shown(host_name_), shown(target_->path));
      if (match_.but_for_conditions) {
        place_ = match_.but_for_conditions->place;
        detail = fmt::format("'{}' would lead to route '{}', but for its 'match'", shown(target_->path),
                             match_.but_for_conditions->name);
      }
      return refused(Refusal::no_route, std::move(detail));
    }
    place_ = match_.route->place;
    if (comes_without_tls() && listener_->tls->plain == PlainHttp::redirect && !is_sent_to_tls()) {
      return without_tls();
    }
    if (auto no = name_by_tls()) { return no; }
    pass(Step::route, place_, [&] {
      return fmt::format("route '{}' takes {} at {}", match_.route->name, shown(match_.route->path.written),
                         shown(host_name_));
    });
    return std::nullopt;
  }

  bool is_page() const { return match_.route->service() == nullptr; }
  bool is_login() const { return is_page() && head_.method == "POST"; }

  // --- upgrade ---

  std::optional<Refused> upgrade() { return is_page() ? page_method() : session_upgrade(); }

  // Pages are read whatever an Upgrade field says, and by pages of any origin: nothing in an answer lets a foreign page
  // look into it.
  std::optional<Refused> page_method() {
    if (head_.method == "GET" || head_.method == "HEAD") {
      pass(Step::upgrade, place_, [&] { return head_.method + " of a page"; });
      return std::nullopt;
    }
    const bool has_login = match_.route->auth.has_login();
    if (has_login && head_.method == "POST") {
      pass(Step::upgrade, place_, [] { return std::string("POST of a login"); });
      return std::nullopt;
    }
    auto no = refused(Refusal::method_not_allowed,
                      fmt::format("a page is read with GET or HEAD, not {}", shown(head_.method, 20)));
    no.allow = has_login ? "GET, HEAD, POST" : "GET, HEAD";
    return no;
  }

  std::optional<Refused> session_upgrade() {
    auto judged = wire::ws::judge_upgrade(head_);
    if (const auto* wrong = std::get_if<wire::ws::UpgradeRefused>(&judged)) {
      auto no = refused(refusal_of(wrong->error), wrong->why);
      if (wrong->error == wire::ws::UpgradeError::method_not_get) { no.allow = "GET"; }
      return no;
    }
    if (head_.count("origin") > 1) { return refused(Refusal::malformed_upgrade, "more than one Origin"); }
    upgrade_ = std::move(*std::get_if<wire::ws::Upgrade>(&judged));
    only_credentials_ = take_credentials(upgrade_->protocols);
    pass(Step::upgrade, place_, [] { return std::string("a WebSocket upgrade of version 13"); });
    return std::nullopt;
  }

  // Credentials among the subprotocols are none: they are not chosen, not answered, not printed. True when nothing else
  // was offered.
  bool take_credentials(std::vector<std::string>& offered) const {
    const std::size_t before = offered.size();
    for (const auto& proof : match_.route->auth.proofs()) {
      const auto& places = proof->credential_places();
      offered.erase(std::remove_if(offered.begin(), offered.end(),
                                   [&](const std::string& item) { return proof::is_credential(item, places); }),
                    offered.end());
    }
    return before > 0 && offered.empty();
  }

  // --- origin ---

  std::optional<Refused> origin() {
    if (is_page() && !is_login()) { return std::nullopt; }
    if (head_.count("origin") > 1) { return refused(Refusal::foreign_origin, "more than one Origin"); }
    const std::string* sent = head_.find("origin");
    // A login is sent by a page of ours, whatever the route says: else any page could log a visitor in as somebody else
    // (every browser sends Origin with a form).
    const OriginRule own_only{.same = true, .missing = false};
    OriginVerdict verdict = judge_origin(is_login() ? own_only : match_.route->origins, sent, own_);
    if (!verdict.admitted) { return refused(Refusal::foreign_origin, std::move(verdict.detail)); }
    pass(Step::origin, place_, [&] {
      return sent == nullptr ? std::string("no Origin is admitted") : fmt::format("{} is admitted", shown(*sent));
    });
    return std::nullopt;
  }

  // --- identity and access ---

  std::optional<Refused> identity() {
    if (visit_.unproven != nullptr) { return *visit_.unproven; }
    pass(Step::identity, place_, [&] {
      const proof::Wanted& wanted = match_.route->auth;
      if (wanted.open()) {
        return "auth is none: nobody is asked" +
               (visit_.identity == nullptr ? std::string() : fmt::format("; taken for {}", person()));
      }
      return fmt::format("{} asked for; {} {}", wanted.text(), visit_.assumed ? "taken for" : "proven:", person());
    });
    return std::nullopt;
  }

  // Somebody has to find out who he is; what he has proven already may not be what the route asks for.
  bool is_to_be_proven() const {
    if (match_.route->auth.open() || visit_.unproven != nullptr) { return false; }
    if (visit_.identity == nullptr) { return true; }
    return !visit_.assumed && !match_.route->auth.satisfied_by(visit_.identity->by);
  }

  std::optional<Refused> access() {
    const std::vector<AllowRule>& allow = match_.route->allow;
    if (allow.empty()) {
      pass(Step::access, place_, [] { return std::string("everybody is allowed"); });
      return std::nullopt;
    }
    const auto taken = std::find_if(allow.begin(), allow.end(),
                                    [&](const AllowRule& rule) { return takes_person(rule) && takes_address(rule); });
    if (taken != allow.end()) {
      pass(Step::access, place_,
           [&] { return fmt::format("{} is in item {} of 'allow'", visitor(), taken - allow.begin() + 1); });
      return std::nullopt;
    }
    const bool wrong_place =
        std::any_of(allow.begin(), allow.end(), [&](const AllowRule& rule) { return takes_person(rule); });
    const bool perhaps_hidden = told_by_.empty() && !listener_->proxy_protocol;
    const char* const way_out = !wrong_place     ? "add the user or a group of his to it?"
                                : perhaps_hidden ? "add the address to it? behind a proxy? set trusted_proxies"
                                                 : "add the address to it?";
    return refused(Refusal::not_allowed, fmt::format("saw {}; no item of 'allow' of route '{}' takes that; {}",
                                                     visitor(), match_.route->name, way_out));
  }

  bool takes_person(const AllowRule& rule) const {
    const Identity nobody;
    const Identity& identity = visit_.identity == nullptr ? nobody : *visit_.identity;
    const auto has = [](const std::vector<std::string>& words, const std::string& word) {
      return std::find(words.begin(), words.end(), word) != words.end();
    };
    const bool user = rule.users.empty() || (!identity.user.empty() && has(rule.users, identity.user));
    const bool group =
        rule.groups.empty() || std::any_of(identity.groups.begin(), identity.groups.end(),
                                           [&](const std::string& item) { return has(rule.groups, item); });
    const bool claims = std::all_of(rule.claims.begin(), rule.claims.end(), [&](const auto& asked) {
      const auto claim = identity.claims.find(asked.first);
      return claim != identity.claims.end() &&
             std::any_of(claim->second.begin(), claim->second.end(),
                         [&](const std::string& value) { return has(asked.second, value); });
    });
    return user && group && claims;
  }

  bool takes_address(const AllowRule& rule) const { return !rule.addresses || rule.addresses->contains(client_); }

  // "10.1.2.3 (no name)", "10.1.2.3 (user 'ada' of support)"
  std::string visitor() const { return fmt::format("{} ({})", address_text(client_), person()); }

  std::string person() const {
    if (visit_.identity == nullptr) { return "no name"; }
    std::string text = visit_.identity->user.empty() ? std::string("somebody without a name")
                                                     : fmt::format("user '{}'", shown(visit_.identity->user));
    if (!visit_.identity->groups.empty()) { text += fmt::format(" of {}", listed(visit_.identity->groups)); }
    return text;
  }

  // --- subprotocol ---

  std::optional<Refused> subprotocol() {
    if (is_page()) { return std::nullopt; }
    // A browser that offered anything fails a 101 that chooses nothing.
    if (only_credentials_) {
      return subprotocol_refused("offered nothing but a credential; a real subprotocol must stand beside it");
    }
    auto chosen = choose_subprotocol(*match_.route, upgrade_->protocols);
    if (chosen) {
      protocol_ = std::move(*chosen);
      pass(Step::subprotocol, place_, [&] {
        return protocol_.empty() ? std::string("none was offered") : fmt::format("'{}' is taken", protocol_);
      });
      return std::nullopt;
    }
    return subprotocol_refused(fmt::format("offered {}", offered_text(upgrade_->protocols)));
  }

  Refused subprotocol_refused(const std::string& offered) const {
    const std::string taken = fmt::format("{}", fmt::join(match_.route->subprotocols, ", "));
    auto no =
        refused(Refusal::subprotocol_unknown, fmt::format("{}; the route takes {}; add one of them to subprotocols?",
                                                          offered, taken.empty() ? "none" : taken));
    no.public_detail =
        taken.empty() ? "No subprotocol is taken here: offer none." : fmt::format("Taken here: {}.", taken);
    return no;
  }

  // --- target ---

  std::optional<Refused> target() {
    if (is_page()) { return std::nullopt; }
    const Service& service = *match_.route->service();
    const Spoken spoken{.head = &head_,
                        .target = &*target_,
                        .captures = &match_.path.captures,
                        .host = host_name_,
                        .sni = visit_.sni,
                        .user = visit_.identity == nullptr ? std::string_view() : visit_.identity->user,
                        .claims = visit_.identity == nullptr ? nullptr : &visit_.identity->claims,
                        .client = &client_};
    const Identity* identity = visit_.identity;
    const bool named = identity != nullptr && identity->target;
    auto endpoint = destination_of(service, spoken, named ? &*identity->target : nullptr);
    if (!endpoint) { return std::move(endpoint.error()); }
    endpoint_ = std::move(*endpoint);
    pass(Step::target, service.place, [&] { return shown(endpoint_ ? endpoint_->text() : service.written); });
    return std::nullopt;
  }

  // --- how it is said ---

  Unproven unproven() {
    return {.route = std::move(match_.route),
            .captures = std::move(match_.path.captures),
            .path = std::move(target_->path),
            .query = std::move(target_->query),
            .own_origin = text_of(own_.origin)};
  }

  static Refused refused(Refusal refusal, std::string detail) {
    return {.refusal = refusal, .detail = std::move(detail)};
  }

  // `text` is called only where somebody reads it.
  template <typename Text>
  void pass(Step step, const Place& place, const Text& text) {
    if (trace_ != nullptr) { trace_->push_back({.step = step, .passed = true, .text = text(), .place = place}); }
  }

  Denied denied(Refused no) {
    const Step step = step_of(no.refusal);
    if (trace_ != nullptr) {
      const bool before_route = step < Step::route && listener_ != nullptr && !match_.route;
      trace_->push_back({.step = step,
                         .passed = false,
                         .text = no.detail,
                         .place = before_route   ? listener_->place
                                  : match_.route ? match_.route->place
                                                 : place_});
    }
    Denied denied{.route = std::move(match_.route), .refused = std::move(no)};
    if (denied.route && denied.route->refuse == RefuseBy::close && step > Step::origin && upgrade_) {
      denied.by_close = CloseAnswer{.upgrade = std::move(*upgrade_), .protocol = {}};
      CloseAnswer& answer = *denied.by_close;
      if (!answer.upgrade.protocols.empty()) {
        // Where none fits, the browser is given the first it has asked for: it is told no at once.
        answer.protocol =
            choose_subprotocol(*denied.route, answer.upgrade.protocols).value_or(answer.upgrade.protocols.front());
        // A token that was offered to a route which knows none is still one.
        if (answer.protocol.find("bearer.") != std::string::npos) { answer.protocol.clear(); }
      }
    }
    return denied;
  }

  template <typename Verdict>
  Judgement said(Verdict verdict) {
    return {.client = std::move(client_), .host = std::move(host_), .verdict = std::move(verdict)};
  }

  const Rules& rules_;
  const Visit& visit_;
  const RequestHead& head_;
  Trace* const trace_;

  const Listener* listener_ = nullptr;
  Address client_;       // the visitor, as far as is known by now
  std::string told_by_;  // who says so; empty: nobody but the connection
  std::optional<Target> target_;
  std::string host_;       // as asked for, with its port; safe to print
  std::string host_name_;  // the host alone, as routes know it
  bool host_is_address_ = false;
  OwnOrigin own_;
  RouteMatch match_;
  Place place_;  // of the route
  std::optional<wire::ws::Upgrade> upgrade_;
  bool only_credentials_ = false;  // stood among the subprotocols
  std::string protocol_;
  std::optional<Endpoint> endpoint_;
};

}  // namespace

bool may_connect(const Listener& listener, const Address& peer) {
  return !listener.allow || listener.allow->contains(peer);
}

Judgement judge(const Rules& rules, const Visit& visit, const RequestHead& head, Trace* trace) {
  return Judging(rules, visit, head, trace).run();
}

}  // namespace bascule::policy
