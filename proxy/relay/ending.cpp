#include "proxy/relay/ending.hpp"

#include "proxy/wire/ws/close.hpp"

namespace bascule::relay {

std::string_view word_of(Cause cause) {
  switch (cause) {
    case Cause::none: return "none";
    case Cause::client_closed: return "client_closed";
    case Cause::service_closed: return "service_closed";
    case Cause::client_vanished: return "client_vanished";
    case Cause::client_protocol_error: return "client_protocol_error";
    case Cause::service_error: return "service_error";
    case Cause::client_silent: return "client_silent";
    case Cause::client_stalled: return "client_stalled";
    case Cause::service_stalled: return "service_stalled";
    case Cause::idle: return "idle";
    case Cause::expired: return "expired";
    case Cause::credential_expired: return "credential_expired";
    case Cause::withdrawn: return "withdrawn";
    case Cause::revoked: return "revoked";
    case Cause::moved: return "moved";
    case Cause::draining: return "draining";
    case Cause::stopped: return "stopped";
    case Cause::internal_error: return "internal_error";
  }
  return "none";
}

Who who_of(Cause cause) {
  switch (cause) {
    case Cause::none: return Who::nobody;
    case Cause::client_closed:
    case Cause::client_vanished:
    case Cause::client_protocol_error:
    case Cause::client_silent:
    case Cause::client_stalled: return Who::client;
    case Cause::service_closed:
    case Cause::service_error:
    case Cause::service_stalled: return Who::service;
    case Cause::idle:
    case Cause::expired:
    case Cause::credential_expired:
    case Cause::withdrawn:
    case Cause::revoked:
    case Cause::moved:
    case Cause::draining:
    case Cause::stopped:
    case Cause::internal_error: return Who::bascule;
  }
  return Who::nobody;
}

std::uint16_t own_close_code(Cause cause) {
  switch (cause) {
    case Cause::client_silent:
    case Cause::idle:
    case Cause::draining:
    case Cause::stopped: return wire::ws::close_code::going_away;
    case Cause::client_stalled:
    case Cause::service_stalled:
    case Cause::expired:
    case Cause::credential_expired:
    case Cause::withdrawn:
    case Cause::revoked: return wire::ws::close_code::policy_violation;
    case Cause::moved: return wire::ws::close_code::service_restart;
    case Cause::none:
    case Cause::client_closed:
    case Cause::service_closed:
    case Cause::client_vanished:
    case Cause::client_protocol_error:
    case Cause::service_error:
    case Cause::internal_error: return 0;
  }
  return 0;
}

const char* reason_of_end(Cause why) {
  switch (why) {
    case Cause::draining: return "bascule is stopping";
    case Cause::credential_expired: return "credential expired";
    case Cause::withdrawn: return "authorization withdrawn";
    case Cause::revoked: return "the rules no longer admit this session";
    case Cause::moved: return "the rules now lead elsewhere; connect again";
    default: return "ended by the operator";
  }
}

std::string_view word_of(Who who) {
  switch (who) {
    case Who::nobody: return "nobody";
    case Who::client: return "client";
    case Who::service: return "service";
    case Who::bascule: return "bascule";
  }
  return "nobody";
}

}  // namespace bascule::relay
