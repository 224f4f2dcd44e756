#include "test/bench/sessions.hpp"

#include <stdexcept>
#include <string>

#include "test/bench/framing.hpp"

namespace bascule::bench {
namespace {

constexpr std::size_t head_bytes_max = 4096;

// Reads the answer's head and not a byte more: what follows belongs to the session.
void await_upgrade(Connection& client) {
  std::string head;
  while (!head.ends_with("\r\n\r\n")) {
    char next = 0;
    const auto received = client.receive_some(&next, 1);
    if (!received) { throw std::runtime_error("the proxy hung up on the upgrade"); }
    if (*received == 0) { throw std::runtime_error("the upgrade was not answered in time"); }
    head.push_back(next);
    if (head.size() > head_bytes_max) { throw std::runtime_error("the answer to the upgrade has no end"); }
  }
  check_upgrade_answer(head);
}

}  // namespace

Sessions::Sessions(const Options& options) : options_(options), listener_(listen_on(options.service_port)) {
  if (options.tls != Tls::none) { tls_.emplace(options.tls); }
}

Session Sessions::open() {
  Session session;
  session.client = Connection(connect_to(options_.proxy_port, options_.proxy_host), tls());
  if (!session.client.shake_hands()) { throw std::runtime_error("the TLS handshake was not done in time"); }
  if (options_.framing == Framing::websocket) {
    if (!session.client.say(upgrade_request(options_.path))) { throw std::runtime_error("the request did not fit"); }
    await_upgrade(session.client);
  }
  session.service = accept_from(listener_);
  session.client.socket().set_non_blocking();
  session.service.set_non_blocking();
  return session;
}

std::vector<Session> Sessions::open(std::size_t count) {
  std::vector<Session> sessions;
  sessions.reserve(count);
  while (sessions.size() < count) { sessions.push_back(open()); }
  return sessions;
}

}  // namespace bascule::bench
