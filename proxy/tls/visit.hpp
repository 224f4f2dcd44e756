// Somebody's visit to a Server, as far as OpenSSL's callbacks have to do with it: they are handed an SSL, and find this
// by it.
#pragma once

#include <openssl/types.h>

#include <string>

#include "proxy/tls/ticket_keys.hpp"

namespace bascule::tls {

struct Visit {
  const TicketKeys* keys = nullptr;  // that its tickets are sealed with; outlive it
  bool greeted = false;              // a hello has been read
  bool asked_for_certificate = false;
  std::string name{};  // that was asked for, lower case; empty: none
  std::string why{};   // the hello is refused, or later the connection has failed; safe to print
};

// REQUIRES: Engine::accept() made the connection.
Visit& visit_of(const SSL* connection);

}  // namespace bascule::tls
