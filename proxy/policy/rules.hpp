// The rules as the judgement and the sessions see them: plain values, complete (every default filled in), immutable
// once built. `config/` makes them from YAML; tests make them by hand.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "proxy/base/address.hpp"
#include "proxy/base/time.hpp"

namespace bascule::policy {

using namespace std::chrono_literals;

// Where a mistake or a rule stands: "rules/web.yaml:12:5". Line and column count from 1; 0 means no place in a file.
struct Place {
  std::string file;
  int line = 0;
  int column = 0;
  std::string text() const;
};

// --- who may come in -------------------------------------------------------------------------------------------------

// Hosts a route answers to, as its `host` says. Not written (the default), it answers to addresses and `localhost`
// only: a name that an attacker points at us is not ours until it is written (DNS rebinding).
struct HostRule {
  enum class Kind : std::uint8_t { addresses_and_localhost, exact, any };
  Kind kind = Kind::addresses_and_localhost;
  std::vector<std::string> names{};  // exact: lower case, addresses in their shortest form without brackets
};

// "/vnc", "/novnc/*", "/desk/{id}". A capture takes one whole segment, which is not empty.
struct PathRule {
  struct Segment {
    std::string literal;  // decoded; unused for a capture
    std::string capture;  // its name; empty for a literal
  };
  std::string written;
  std::vector<Segment> segments;  // "/" is one empty literal segment, as in wire::http::Target
  bool prefix = false;            // ends in "/*": everything below, and the folder itself with its slash
};

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
};

// Each with its default; an empty Limit is the operator's `none`.
struct Timeouts {
  Limit head = 10s;        // a whole request head, from the first moment on
  Limit connect = 5s;      // reaching the service, all of its addresses together
  Limit ping = 30s;        // silence of the client after which we ask
  Limit pong = 30s;        // how long it may stay silent then
  Limit stall = 60s;       // bytes waiting for a side that takes none
  Limit close = 5s;        // the rest of a closing
  Limit half_close = 30s;  // how long a client may go on after its service has ended
  Limit idle;              // no payload either way
  Limit lifetime;          // of a session
};

// What a session needs to know of its route once it runs.
struct SessionRule {
  FrameRule frames;
  Timeouts timeouts;
};

// --- where to --------------------------------------------------------------------------------------------------------

struct Target {
  enum class Kind : std::uint8_t { tcp, unix_socket, echo };
  Kind kind = Kind::tcp;
  std::string host{};  // tcp: a name or an address without brackets
  std::uint16_t port = 0;
  std::string path{};     // unix_socket
  std::string written{};  // as the operator wrote it, for logs
};

struct Files {
  std::string folder;  // absolute, or relative to where bascule was started; resolved against the rules file by config
  std::string index = "index.html";
};

struct Route {
  std::string name;
  Place place;
  std::vector<std::string> listeners;  // empty: all
  HostRule host;
  PathRule path;
  OriginRule origins;
  std::string protocol;  // the preset's name, for `show`; empty without one
  std::vector<std::string> subprotocols{"binary"};
  SessionRule session;
  std::optional<std::size_t> sessions_max;  // limits.sessions
  std::variant<Target, Files> to;

  bool is_page() const { return std::holds_alternative<Files>(to); }
};

struct Listener {
  std::string name;
  Place place;
  Address address;       // port 0: any free one
  unsigned mode = 0660;  // of a Unix socket
  std::string written;
};

struct Process {
  std::optional<unsigned> workers;  // empty: one a core
  Limit drain = 30s;
};

struct Rules {
  std::vector<Listener> listeners;
  std::vector<std::shared_ptr<const Route>> routes;  // the first that matches wins
  Process process;
};

}  // namespace bascule::policy
