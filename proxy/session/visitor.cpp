#include "proxy/session/visitor.hpp"

#include <algorithm>

namespace bascule::session {

const policy::Listener* listener_of(const policy::Rules& rules, const Visitor& visitor) {
  // Any free port is a door of its own, which is known by its name alone.
  const bool any_port = visitor.door.is_ip() && visitor.door.port() == 0;
  const auto found =
      std::find_if(rules.listeners.begin(), rules.listeners.end(), [&](const policy::Listener& listener) {
        return listener.address == visitor.door && (!any_port || listener.name == visitor.listener);
      });
  return found == rules.listeners.end() ? nullptr : &*found;
}

policy::Visit visit_of(const policy::Rules& rules, const Visitor& visitor) {
  const policy::Listener* listener = listener_of(rules, visitor);
  const bool by_our_tls = visitor.tls_here && listener != nullptr && listener->tls;
  return {
      .listener = listener == nullptr ? std::string_view(visitor.listener) : std::string_view(listener->name),
      .peer = visitor.peer,
      .secure = visitor.secure || visitor.tls_here,
      .tls_here = visitor.tls_here,
      .other_authorities = by_our_tls && listener->tls->server->current()->authorities_digest() != visitor.authorities,
      .sni = visitor.sni,
      .proxy = visitor.proxy.family() == Address::Family::none ? nullptr : &visitor.proxy};
}

}  // namespace bascule::session
