// The rules as the judgement and the sessions see them: plain values, complete (every default filled in), immutable
// once built. `config/` makes them from YAML; tests make them by hand.
//
// Two rules are equal when they say the same: where they stand in a file is no part of that.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

#include "proxy/base/address.hpp"
#include "proxy/base/network.hpp"
#include "proxy/base/place.hpp"
#include "proxy/base/source.hpp"
#include "proxy/base/time.hpp"
#include "proxy/policy/endpoint.hpp"
#include "proxy/policy/pattern.hpp"
#include "proxy/policy/table.hpp"
#include "proxy/policy/words.hpp"
#include "proxy/proof/proof.hpp"
#include "proxy/tls/client.hpp"
#include "proxy/tls/server.hpp"
#include "proxy/wire/http/forwarded.hpp"
#include "proxy/wire/proxy_header.hpp"

namespace bascule::policy {

using namespace std::chrono_literals;

using bascule::Place;
using proof::Identity;

// --- which requests a route is for -----------------------------------------------------------------------------------

// Hosts a route answers to, as its `host` says. Not written (the default), it answers to addresses and `localhost`
// only: a name that an attacker points at us is not ours until it is written (DNS rebinding).
struct HostRule {
  enum class Kind : std::uint8_t { addresses_and_localhost, named, any };
  Kind kind = Kind::addresses_and_localhost;
  std::vector<std::string> names{};    // named: lower case, addresses in their shortest form without brackets
  std::vector<std::string> parents{};  // named: "*.example.org" as "example.org": the names below it, at any depth
  friend bool operator==(const HostRule&, const HostRule&) = default;
};

// "/vnc", "/novnc/*", "/desk/{id}", "/desk/{id:[0-9]+}". A capture takes one whole segment, which is not empty.
struct PathRule {
  struct Segment {
    std::string literal{};             // decoded; unused for a capture
    std::string capture{};             // its name; empty for a literal
    std::optional<Pattern> pattern{};  // of a capture: what its text must look like
    friend bool operator==(const Segment&, const Segment&) = default;
  };
  std::string written;
  std::vector<Segment> segments;  // "/" is one empty literal segment, as in wire::http::Target
  bool prefix = false;            // ends in "/*": everything below, and the folder itself with its slash
  friend bool operator==(const PathRule&, const PathRule&) = default;
};

// One item of `match`: one of the values is what was sent.
struct Condition {
  enum class Of : std::uint8_t {
    query,        // the first parameter of that name
    header,       // any field of that (lower case) name, compared as a whole
    cookie,       // the first cookie of that name
    subprotocol,  // any of those offered; `name` is empty
  };
  Of of = Of::query;
  std::string name;
  std::vector<std::string> values;
  friend bool operator==(const Condition&, const Condition&) = default;
};

// --- who may come in -------------------------------------------------------------------------------------------------

// An origin as RFC 6454 has it: compared by all three parts, after lower-casing, with the default port filled in.
struct Origin {
  std::string scheme;
  std::string host;        // IPv6 without brackets
  std::uint16_t port = 0;  // 0: a scheme without a port
  friend bool operator==(const Origin&, const Origin&) = default;
};

struct OriginRule {
  bool same = true;
  bool missing = true;  // clients that are no browsers send none
  bool opaque = false;  // the `null` origin
  bool any = false;
  std::vector<Origin> exact{};
  std::vector<Origin> below{};  // "https://*.example.org": `host` is "example.org", and names below it are meant
  friend bool operator==(const OriginRule&, const OriginRule&) = default;
};

// One item of `allow`: everything that is written in it holds. An empty list asks for nothing.
struct AllowRule {
  std::vector<std::string> users{};
  std::vector<std::string> groups{};
  std::map<std::string, std::vector<std::string>, std::less<>> claims{};  // of each one value is among these
  std::optional<AddressSet> addresses{};
  friend bool operator==(const AllowRule&, const AllowRule&) = default;
};

// --- what passes -----------------------------------------------------------------------------------------------------

enum class ToClient : std::uint8_t {
  binary,
  text,
  match,  // binary until the client has spoken, and for what is not UTF-8; then the kind it used last
};

struct FrameRule {
  bool binary_from_client = true;
  bool text_from_client = false;
  ToClient to_client = ToClient::binary;
  std::size_t max_bytes = std::size_t{256} * 1024;  // of a frame towards the client; at least 1 KiB
  friend bool operator==(const FrameRule&, const FrameRule&) = default;
};

// Each with its default; an empty Limit is the operator's `none`.
struct Timeouts {
  Limit tls = 10s;         // the TLS handshake, from the first moment on
  Limit head = 10s;        // a whole request head, from the first moment on
  Limit connect = 5s;      // reaching the service, all of its addresses together
  Limit ping = 30s;        // silence of the client after which we ask
  Limit pong = 30s;        // how long it may stay silent then
  Limit stall = 60s;       // bytes waiting for a side that takes none
  Limit close = 5s;        // the rest of a closing
  Limit half_close = 30s;  // how long a client may go on after its service has ended
  Limit idle;              // no payload either way
  Limit lifetime;          // of a session
  friend bool operator==(const Timeouts&, const Timeouts&) = default;
};

// "20/s", "100/min": so many in each `per`, on average; `count` of them at once.
struct Rate {
  std::uint64_t count = 0;  // at least 1
  std::chrono::milliseconds per = 1s;
  friend bool operator==(const Rate&, const Rate&) = default;
};

// What may pass in one session. Whoever is faster is not read from for a while; nobody is cut off.
struct Pace {
  std::optional<Rate> frames = Rate{.count = 10'000};       // of data, from the client
  std::optional<Rate> control_frames = Rate{.count = 100};  // from the client
  std::optional<Rate> to_client_bytes{};                    // of payload
  std::optional<Rate> from_client_bytes{};
  friend bool operator==(const Pace&, const Pace&) = default;
};

// What a session needs to know of its route once it runs.
struct SessionRule {
  FrameRule frames{};
  Timeouts timeouts{};
  Pace pace{};
  friend bool operator==(const SessionRule&, const SessionRule&) = default;
};

// What may be at once, and how fast it may come. Empty: no limit of the route's own.
struct Limits {
  std::optional<std::size_t> sessions{};
  std::optional<std::size_t> sessions_per_address{};  // an IPv6 visitor counts by his /64
  std::optional<std::size_t> sessions_per_user{};     // who has no name counts by his address
  std::optional<Rate> new_sessions{};
  std::size_t head_bytes = std::size_t{16} * 1024;
  std::size_t head_fields = 64;
  friend bool operator==(const Limits&, const Limits&) = default;
};

// --- where to --------------------------------------------------------------------------------------------------------

// An address made from the visitor's words: "desk-{path.id}.lan:5900"; or the one that an authorizer named:
// "{target}". Always with `within`.
struct MadeAddress {
  Words host{};
  Words port{};
  bool by_authorizer = false;  // "{target}": host and port are not used
  std::string written;
  friend bool operator==(const MadeAddress&, const MadeAddress&) = default;
};

struct Lookup {
  Words key;
  std::shared_ptr<TableSource> table;  // never null
  friend bool operator==(const Lookup& a, const Lookup& b) {
    return a.key == b.key && a.table->path() == b.table->path();
  }
};

struct EchoBack {  // built in: returns every message as it came
  friend bool operator==(const EchoBack&, const EchoBack&) = default;
};

enum class Balance : std::uint8_t {
  first,           // the first that is up
  round_robin,     // each in turn
  least_sessions,  // whoever has the fewest sessions of ours
  hash,            // the same visitor to the same address: by user, without one by address
};

// Asking an address from time to time whether it takes connections.
struct Health {
  std::chrono::milliseconds every = 5s;
  std::chrono::milliseconds timeout = 2s;
  unsigned down_after = 2;  // failures in a row
  unsigned up_after = 1;    // successes in a row
  friend bool operator==(const Health&, const Health&) = default;
};

// Where a secret is kept, outside of the rules: one of the two, or nowhere.
struct KeptAt {
  std::string file{};  // path
  std::string env{};   // name of a variable
  bool nowhere() const { return file.empty() && env.empty(); }
  friend bool operator==(const KeptAt&, const KeptAt&) = default;
};

// By TLS, and never without.
struct ServiceTls {
  std::string ca{};  // path; empty: the authorities of the system
  std::string
      server_name{};  // whom the certificate must be for, and what is asked for; empty: the host that is dialled
  std::string certificate{};  // path, of the one that we show; empty: none
  KeptAt key{};               // of that; nowhere: in the same file
  bool verify = true;
  std::vector<std::string> files{};  // all that was read for it
  // How the service is come to; never null. Made anew when the files change.
  std::shared_ptr<Source<tls::Client>> client{};

  // What is written is what counts; the files may change on their own.
  friend bool operator==(const ServiceTls& a, const ServiceTls& b) {
    return std::tie(a.ca, a.server_name, a.certificate, a.key, a.verify) ==
           std::tie(b.ca, b.server_name, b.certificate, b.key, b.verify);
  }
};

struct Service {
  std::string name;     // of `services`; of a route's own the route's name
  bool shared = false;  // stands in `services`
  Place place;
  std::variant<std::vector<Endpoint>, MadeAddress, Lookup, EchoBack> where;
  std::vector<Network> within{};  // resolved addresses must be in one of them; empty: anywhere
  Balance balance = Balance::first;
  std::optional<Health> health{};
  unsigned retry = 2;                                  // other addresses that are tried when one cannot be reached
  std::optional<wire::ProxyVersion> proxy_protocol{};  // tell the service who the visitor is
  std::optional<ServiceTls> tls{};
  std::string written{};  // for logs

  bool is_echo() const { return std::holds_alternative<EchoBack>(where); }
  friend bool operator==(const Service&, const Service&) = default;
};

// Which scripts a page of `files` may run.
enum class Scripts : std::uint8_t {
  own,     // those that are files here
  inside,  // also those written inside the page
};

struct Files {
  std::string folder;  // absolute, or relative to where bascule was started; resolved against the rules file by config
  std::string index = "index.html";
  Scripts scripts = Scripts::own;
  friend bool operator==(const Files&, const Files&) = default;
};

struct Answer {
  enum class What : std::uint8_t { health };
  What what = What::health;
  friend bool operator==(const Answer&, const Answer&) = default;
};

// How a no is said to a visitor of a session, once his origin has passed.
enum class RefuseBy : std::uint8_t {
  http,   // a status
  close,  // 101, and then a Close that a page can read
};

// What becomes of a live session when its proof is over.
enum class OnExpiry : std::uint8_t { close, keep };

// What becomes of live sessions that new rules would refuse.
enum class OnReload : std::uint8_t { keep, close };

struct Route {
  std::string name;
  Place place;
  std::vector<std::string> listeners;  // empty: all
  HostRule host;
  PathRule path;
  std::vector<Condition> conditions{};  // all of them hold
  OriginRule origins;
  proof::Wanted auth{};            // what a visitor proves; nothing: `auth: none`
  std::vector<AllowRule> allow{};  // any of them; empty: everybody
  std::string protocol;            // the preset's name, for `show`; empty without one
  std::vector<std::string> subprotocols{"binary"};
  SessionRule session;
  Limits limits{};
  RefuseBy refuse = RefuseBy::http;
  OnExpiry on_expiry = OnExpiry::close;
  OnReload on_reload = OnReload::keep;
  std::variant<std::shared_ptr<const Service>, Files, Answer> to;

  // Null for a route that bascule answers itself.
  const Service* service() const {
    const auto* service = std::get_if<std::shared_ptr<const Service>>(&to);
    return service == nullptr ? nullptr : service->get();
  }
};

// Says the same: services are compared by what they say, not by where they are kept.
bool operator==(const Route& a, const Route& b);

// --- where from ------------------------------------------------------------------------------------------------------

// Proxies whose word about the visitor counts, and the one field in which they give it.
struct TrustedProxies {
  AddressSet addresses;
  wire::http::ForwardingField field = wire::http::ForwardingField::x_forwarded_for;
  friend bool operator==(const TrustedProxies&, const TrustedProxies&) = default;
};

// Who comes to a listener with TLS by plain HTTP.
enum class PlainHttp : std::uint8_t {
  refuse,    // is told so, and nothing else
  allow,     // is welcome: both on one port, by the first byte
  redirect,  // is sent to the same page by https; a session is refused
};

struct ListenerTls {
  struct Pair {
    std::string certificate;           // path
    KeptAt key{};                      // nowhere: in the same file
    std::vector<std::string> names{};  // empty: those of the certificate
    std::string ocsp{};                // path of an answer to be stapled; empty: none
    friend bool operator==(const Pair&, const Pair&) = default;
  };
  std::vector<Pair> certificates{};  // the first is the default
  tls::Versions versions = tls::Versions::intermediate;
  bool refuse_unknown_names = false;
  std::string client_ca{};            // path; empty: nobody is asked for a certificate
  std::vector<KeptAt> ticket_keys{};  // the first seals; empty: the process's own
  PlainHttp plain = PlainHttp::refuse;
  Limit hsts = std::chrono::hours(24 * 180);  // how long a browser is told to remember to come by https; of pages

  tls::NameSet ask_at{};             // where a client certificate is asked for: as the routes have it
  std::vector<std::string> files{};  // all that was read for it
  // What is shown and asked for; never null. Made anew when the files change.
  std::shared_ptr<Source<tls::Server>> server{};

  // What is written is what counts; the files may change on their own.
  friend bool operator==(const ListenerTls& a, const ListenerTls& b) {
    return std::tie(a.certificates, a.versions, a.refuse_unknown_names, a.client_ca, a.ticket_keys, a.plain, a.hsts,
                    a.ask_at) == std::tie(b.certificates, b.versions, b.refuse_unknown_names, b.client_ca,
                                          b.ticket_keys, b.plain, b.hsts, b.ask_at);
  }
};

struct Listener {
  std::string name;
  Place place;
  Address address;          // port 0: any free one
  unsigned mode = 0660;     // of a Unix socket
  bool share_port = false;  // with other processes, each of which says so
  std::string written;
  std::optional<AddressSet> allow{};           // who may talk to it at all: the peers of the connections themselves
  std::optional<AddressSet> proxy_protocol{};  // a header of these peers, and no connection without one
  std::optional<TrustedProxies> trusted_proxies{};
  std::optional<Origin> public_url{};  // what the visitor's browser sees
  std::optional<ListenerTls> tls{};
  friend bool operator==(const Listener&, const Listener&) = default;
};

struct Process {
  std::optional<unsigned> workers;  // empty: one a core
  Limit drain = 30s;
  bool watch = false;  // read the rules again when their files change
  friend bool operator==(const Process&, const Process&) = default;
};

class RouteIndex;

struct Rules {
  std::vector<Listener> listeners;
  std::vector<std::shared_ptr<const Route>> routes;                   // the first that matches wins
  std::map<std::string, std::shared_ptr<const Service>> services;     // those that have a name of their own
  std::map<std::string, std::shared_ptr<const proof::Proof>> proofs;  // `auth`
  Process process;
  // Finds routes quickly (policy/index.hpp). Without one every route is tried in turn, with the same result.
  std::shared_ptr<const RouteIndex> index{};

  const Listener* listener(std::string_view name) const;  // nullptr: there is none
  const Route* route(std::string_view name) const;
  const proof::Proof* proof(std::string_view name) const;
  // Every table that some route looks things up in.
  std::vector<std::shared_ptr<TableSource>> tables() const;
  // Every list of users that is read from a file.
  std::vector<std::shared_ptr<proof::UserSource>> user_lists() const;
  // Every service that is come to by TLS.
  std::vector<const Service*> services_by_tls() const;
  // At which names a visitor of the listener is asked for a client certificate: those of its routes that want one.
  tls::NameSet names_that_ask(const Listener& listener) const;
  // Every set of keys that is fetched.
  std::vector<proof::Keys> remote_keys() const;
};

}  // namespace bascule::policy
