#include "proxy/app/minting.hpp"

#include <fmt/format.h>
#include <strings.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <memory>
#include <string_view>
#include <utility>
#include <variant>

#include "proxy/app/answers.hpp"
#include "proxy/base/base64.hpp"
#include "proxy/base/text.hpp"
#include "proxy/base/utf8.hpp"
#include "proxy/config/auth_words.hpp"
#include "proxy/config/read_rules.hpp"
#include "proxy/proof/secret.hpp"
#include "proxy/proof/ticket.hpp"

namespace bascule::app {

namespace {

constexpr std::size_t password_bytes_max = 511;  // libcrypt's
constexpr std::size_t bcrypt_bytes_max = 72;     // what stands behind them bcrypt does not look at
constexpr std::size_t ticket_id_bytes = 16;

int complain(int status, std::string_view what) {
  fmt::print(stderr, "{}\n", what);
  return status;
}

// --- reading a password ----------------------------------------------------------------------------------------------

struct Wipe {
  void operator()(std::string* text) const {
    explicit_bzero(text->data(), text->size());
    delete text;
  }
};
using SecretText = std::unique_ptr<std::string, Wipe>;

// A terminal that shows nothing of what is typed, until this goes. A signal meanwhile only ends the reading, so that
// the terminal is put right before the process goes.
class Unseen {
 public:
  explicit Unseen(int descriptor) : descriptor_(descriptor) {
    struct sigaction interrupt {};
    interrupt.sa_handler = [](int) {};
    for (std::size_t i = 0; i < signals.size(); ++i) { sigaction(signals.at(i), &interrupt, &before_.at(i)); }
    tcgetattr(descriptor_, &shown_);
    termios unseen = shown_;
    unseen.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    tcsetattr(descriptor_, TCSAFLUSH, &unseen);
  }
  Unseen(const Unseen&) = delete;
  Unseen& operator=(const Unseen&) = delete;
  ~Unseen() {
    tcsetattr(descriptor_, TCSAFLUSH, &shown_);
    for (std::size_t i = 0; i < signals.size(); ++i) { sigaction(signals.at(i), &before_.at(i), nullptr); }
  }

 private:
  static constexpr std::array signals{SIGINT, SIGTERM, SIGQUIT, SIGHUP};
  int descriptor_;
  termios shown_{};
  std::array<struct sigaction, signals.size()> before_{};
};

// Up to the line end, byte by byte: what stands behind it is somebody else's. Empty after a signal, or an error.
SecretText read_line(int descriptor) {
  SecretText line(new std::string());
  line->reserve(2 * password_bytes_max);  // so that no copy is left behind
  for (char c = 0; line->size() < line->capacity();) {
    const ssize_t count = ::read(descriptor, &c, 1);
    if (count < 0) { return nullptr; }
    if (count == 0 || c == '\n') { break; }
    *line += c;
  }
  if (line->ends_with('\r')) { line->pop_back(); }
  return line;
}

SecretText ask_for_line(const char* prompt) {
  fmt::print(stderr, "{}", prompt);
  SecretText line = read_line(STDIN_FILENO);
  fmt::print(stderr, "\n");
  return line;
}

// Null where it was not given; whoever was asked has been told why.
SecretText read_password() {
  if (isatty(STDIN_FILENO) == 0) { return read_line(STDIN_FILENO); }
  const Unseen unseen(STDIN_FILENO);
  SecretText once = ask_for_line("Password: ");
  if (!once) { return nullptr; }
  const SecretText again = ask_for_line("The same again: ");
  if (!again) { return nullptr; }
  if (*once != *again) {
    complain(exit_not_well, "password: these were two different ones");
    return nullptr;
  }
  return once;
}

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

// What nobody could log in with; null: it is well.
const char* why_no_password(const std::string& password, proof::HashKind kind) {
  if (password.empty()) { return "password: it is empty"; }
  if (std::any_of(password.begin(), password.end(), is_control)) {
    return "password: it has a control character in it, which no browser sends";
  }
  if (!is_clean_text(password)) { return "password: it is not UTF-8, and browsers send nothing else"; }
  if (password.size() > password_bytes_max) { return "password: it is too long; 511 bytes are the most"; }
  if (kind == proof::HashKind::bcrypt && password.size() > bcrypt_bytes_max) {
    return "password: bcrypt looks at the first 72 bytes only; use another hash for a longer one";
  }
  return nullptr;
}

// A line of an htpasswd file begins with it.
const char* why_no_user(const std::string& user) {
  if (const auto name = config::parse_user(user); !name) {
    return "password: this is no name of a user; it has no control characters, and 255 bytes at most";
  }
  if (user.find(':') != std::string::npos) { return "password: a user's name has no ':' in it"; }
  if (user.front() == '#' || trimmed(user) != user) {
    return "password: a user's name does not begin with '#', and neither begins nor ends with a space";
  }
  return nullptr;
}

}  // namespace

int password(const PasswordOptions& options) {
  if (options.user) {
    if (const char* why = why_no_user(*options.user)) { return complain(exit_wrong_usage, why); }
  }
  const SecretText password = read_password();
  if (!password) { return exit_not_well; }
  if (const char* why = why_no_password(*password, options.kind)) { return complain(exit_not_well, why); }
  const std::string hash = proof::password_hash(*password, options.kind);
  if (options.output == Output::json) {
    fmt::print("{}\n", json_of_hash(hash, options.user));
  } else if (options.user) {
    fmt::print("{}:{}\n", *options.user, hash);
  } else {
    fmt::print("{}\n", hash);
  }
  return exit_well;
}

// --- tickets ---------------------------------------------------------------------------------------------------------

namespace {

struct Unmintable {
  std::string why;
};

// The proof, and the route that asks for it.
struct Door {
  const proof::Ticket* ticket = nullptr;
  const policy::Route* route = nullptr;
};

Unmintable no_such_proof(const policy::Rules& rules, const std::string& name) {
  std::vector<std::string_view> tickets;
  for (const auto& [known, proof] : rules.proofs) {
    if (std::holds_alternative<proof::Ticket>(proof->how)) { tickets.push_back(known); }
  }
  const proof::Proof* other = rules.proof(name);
  const std::string what = other != nullptr ? fmt::format("proof '{}' is no ticket but '{}'", name, other->kind())
                                            : fmt::format("there is no proof '{}'", shown(name, 80));
  return {fmt::format("ticket: {}; {}", what,
                      tickets.empty() ? "these rules have no ticket at all"
                                      : fmt::format("tickets are: {}", fmt::join(tickets, ", ")))};
}

Result<Door, Unmintable> find_door(const policy::Rules& rules, const TicketOptions& wanted) {
  const proof::Proof* proof = rules.proof(wanted.proof);
  Door door;
  if (proof != nullptr) { door.ticket = std::get_if<proof::Ticket>(&proof->how); }
  if (door.ticket == nullptr) { return no_such_proof(rules, wanted.proof); }
  std::vector<std::string_view> asking;
  for (const auto& route : rules.routes) {
    const auto proofs = route->auth.proofs();
    const bool asks =
        std::any_of(proofs.begin(), proofs.end(), [&](const auto& each) { return each->name == wanted.proof; });
    if (!asks) { continue; }
    if (route->name == wanted.route) {
      door.route = route.get();
      return door;
    }
    asking.push_back(route->name);
  }
  return Unmintable{fmt::format("ticket: {}; {}",
                                rules.route(wanted.route) == nullptr
                                    ? fmt::format("there is no route '{}'", shown(wanted.route, 80))
                                    : fmt::format("route '{}' does not ask for '{}'", wanted.route, wanted.proof),
                                asking.empty() ? "no route asks for this proof"
                                               : fmt::format("routes that ask for it: {}", fmt::join(asking, ", ")))};
}

// What the ticket says; `ticket` bounds how long it may.
Result<proof::TicketContent, Unmintable> content_of(const TicketOptions& wanted, const proof::Ticket& ticket,
                                                    WallTime now) {
  std::chrono::seconds time = ticket.max_age;
  if (!wanted.time.empty()) {
    const auto written = config::parse_seconds(wanted.time, ticket.max_age);
    if (!written) { return Unmintable{fmt::format("ticket: --for: {}", written.error().text)}; }
    time = *written;
  }
  proof::TicketContent content{.route = wanted.route,
                               .expires = std::chrono::floor<std::chrono::seconds>(now) + time,
                               .id = base64url(proof::random_bytes(ticket_id_bytes)),
                               .user = wanted.user,
                               .groups = wanted.groups};
  if (!wanted.address.empty()) {
    content.address = Network::parse(wanted.address);
    if (!content.address) {
      return Unmintable{fmt::format("ticket: --address: '{}' is no IP address and no network", shown(wanted.address))};
    }
  }
  for (const std::string& word : wanted.set) {
    const std::size_t equals = word.find('=');
    if (equals == 0 || equals == std::string::npos) {
      return Unmintable{fmt::format("ticket: --set is written name=value; '{}' is not", shown(word))};
    }
    if (!content.set.emplace(word.substr(0, equals), word.substr(equals + 1)).second) {
      return Unmintable{fmt::format("ticket: --set has '{}' twice", shown(word.substr(0, equals)))};
    }
  }
  return content;
}

}  // namespace

int ticket(const CommonOptions& options, const TicketOptions& wanted) {
  const auto reading = config::read_rules_at(options.rules);
  if (!reading) {
    if (options.output == Output::json) { fmt::print("{}\n", json_of_mistakes(reading.error())); }
    for (const config::Mistake& mistake : reading.error()) {
      if (options.output == Output::text) { fmt::print(stderr, "{}\n", line_of(mistake)); }
    }
    return exit_not_well;
  }
  const auto door = find_door(reading->rules, wanted);
  if (!door) { return complain(exit_wrong_usage, door.error().why); }
  const WallTime now = std::chrono::system_clock::now();
  const auto content = content_of(wanted, *door->ticket, now);
  if (!content) { return complain(exit_wrong_usage, content.error().why); }
  const std::string ticket = proof::mint_ticket(*content, door->ticket->secrets.front());
  // Whoever reads tickets has bounds of his own; a ticket that he would refuse is not handed out.
  if (const auto read = proof::read_ticket(ticket, door->ticket->secrets, door->ticket->max_age, now); !read) {
    return complain(exit_wrong_usage, fmt::format("ticket: it would be refused: {}", read.error().why));
  }
  if (options.output == Output::json) {
    fmt::print("{}\n", json_of_ticket(ticket, content->expires));
  } else {
    fmt::print("{}\n", ticket);
  }
  return exit_well;
}

}  // namespace bascule::app
