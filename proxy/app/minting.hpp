// The verbs that make what proofs are made of: `password` (a hash, as htpasswd files hold them) and `ticket`.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "proxy/app/verbs.hpp"
#include "proxy/proof/password.hpp"

namespace bascule::app {

struct PasswordOptions {
  std::optional<std::string> user{};  // then it is a whole line: "ada:$y$..."
  proof::HashKind kind = proof::HashKind::yescrypt;
  Output output = Output::text;
};

// The password comes by standard input, for every user of a machine can read the command lines of the others. At a
// terminal it is asked for twice, without being shown.
int password(const PasswordOptions& options);

struct TicketOptions {
  std::string proof;  // one of `auth`, a ticket
  std::string route;
  std::string user{};
  std::vector<std::string> groups{};
  std::string address{};           // an IP address or a network; empty: from anywhere
  std::vector<std::string> set{};  // "id=7"
  std::string time{};              // "30s"; empty: as long as the proof lets it be
};

int ticket(const CommonOptions& options, const TicketOptions& wanted);

}  // namespace bascule::app
