// What the command line of bascule_load asks for.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace bascule::bench {

// What is sent into the proxy: WebSocket frames behind an upgrade, or the bare bytes (for a proxy that only relays
// TCP).
enum class Framing { websocket, plain };

enum class Work { down, up, echo, setup, steady, idle, hold, logins, handshakes, crowds, verify };

// What the clients speak to the proxy below that. `resumed`: by the ticket of an earlier session, once there is one.
enum class Tls { none, full, resumed };

// What the handshakes of a flood bring along.
enum class Credential { none, wrong };

// Of which kind the connections of a flood of TLS handshakes are. `hello`: hung up once the proxy has done all its work
// for the first message, which is the same each time and costs the flood nothing. `whole`: done to the end.
enum class Handshake { none, hello, whole };

// What the connections of a crowd at the door do. `heads`: each sends a head a byte at a time, and no end of it.
// `bodies`: each sends its head at once, and then a form with a password a byte at a time. `silent`: they say nothing.
enum class CrowdKind { none, heads, bodies, silent };

struct Options {
  Work work = Work::verify;
  Framing framing = Framing::websocket;
  Tls tls = Tls::none;
  std::uint16_t proxy_port = 0;    // where the clients connect to
  std::uint8_t proxy_host = 1;     // on 127.0.0.this
  std::string path = "/";          // of the upgrade
  std::uint16_t service_port = 0;  // where the proxy dials to, on 127.0.0.1: bascule_load listens there
  pid_t proxy = 0;                 // whose CPU and memory is measured, with all its children
  std::size_t sessions = 1;
  std::chrono::milliseconds warm_up{500};
  std::chrono::milliseconds window{2000};
  std::uint64_t seed = 1;              // of the random bytes, sizes and masks
  std::size_t message_bytes = 64;      // `echo` only, as the two below
  std::size_t at_once = 1;             // messages of a session on their way
  std::size_t resting = 0;             // further sessions, which are open and say nothing
  std::size_t messages_a_second = 20;  // of each session; `logins`, `handshakes`, `crowds` only, as those below
  std::size_t flood_a_second = 0;      // handshakes; of a crowd, the bytes of all its connections
  Credential flood_credential = Credential::wrong;
  Handshake flood_handshake = Handshake::none;
  CrowdKind flood_crowd = CrowdKind::none;
  std::size_t flood_under_way = 256;  // connections at a time
};

// The command line cannot be understood; what() says what is wrong with it.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

std::string usage();
Options read_options(int count, const char* const* words);

}  // namespace bascule::bench
