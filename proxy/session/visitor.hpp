// Who is at the door, and at which one.
#pragma once

#include <memory>
#include <string>

#include "proxy/base/address.hpp"
#include "proxy/policy/judge.hpp"
#include "proxy/proof/certificate.hpp"

namespace bascule::session {

struct Visitor {
  std::string listener;            // its name as he came in
  Address door{};                  // its address as written: what stays when new rules give it another name
  Address peer{};                  // of the connection, or the source that a PROXY header names
  Address proxy{};                 // who really connected, where a header names another
  Address came_to{};               // the destination that it names; else asked of the socket when it is needed
  bool secure = false;             // it says that he came by TLS
  bool tls_here = false;           // he came by TLS that ends here
  std::string sni{};               // the name that he asked for by it, lower case; empty: none
  std::string authorities{};       // whose certificates counted in that: their digest; empty: none was asked for
  std::string_view tls_version{};  // "TLSv1.3"; a constant
  // What the certificate says that he showed to whoever ended his TLS, be it us; null: none.
  std::shared_ptr<const proof::Certificate> certificate{};
};

// The listener he came in by, as these rules have it; nullptr when they have it no more.
const policy::Listener* listener_of(const policy::Rules& rules, const Visitor& visitor);

// As the judgement by these rules sees him; borrows from both.
policy::Visit visit_of(const policy::Rules& rules, const Visitor& visitor);

}  // namespace bascule::session
