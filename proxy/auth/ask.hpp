// Asking an HTTP authorizer about a visitor, as reverse proxies do (nginx's auth_request, Traefik's ForwardAuth).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>

#include "proxy/auth/http_client.hpp"
#include "proxy/auth/remembered.hpp"
#include "proxy/net/waiter.hpp"
#include "proxy/proof/proof.hpp"
#include "proxy/proof/verdict.hpp"

namespace bascule::auth {

struct AskedYes {
  proof::Identity identity;
};
// 401: he may come again with another proof; 403: he is known, and may not.
struct AskedNo {
  bool forbidden = false;
  std::string challenge{};  // WWW-Authenticate of the answer, safe to send on; empty: none
};
// No answer that is a yes or a no: it fails closed.
struct AskedInVain {
  std::string why;       // safe to print
  bool stopped = false;  // by the waiter: nobody waits for the answer any more
};
using Asked = std::variant<AskedYes, AskedNo, AskedInVain>;

// Passes on the fields of `pass` that the visitor sent, and tells in X-Forwarded-For, -Method, -Proto, -Host, -Uri and
// X-Original-URL, -Method what is asked about; what the visitor sent under these names himself is not passed on. A
// question that was answered with yes within `cache` is not asked again; `fresh` asks in any case. By the proof's
// timeout, and by `deadline`.
enum class Memory : std::uint8_t { use, fresh };
net::Async<Asked> ask(HttpClient& client, Remembered& remembered, net::Waiter& waiter,
                      const std::shared_ptr<const proof::Proof>& proof, const proof::Presented& presented,
                      Memory memory, TimePoint deadline = never);

}  // namespace bascule::auth
