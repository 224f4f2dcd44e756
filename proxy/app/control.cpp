#include "proxy/app/control.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <asio/buffer.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/read.hpp>
#include <asio/read_until.hpp>
#include <asio/steady_timer.hpp>
#include <asio/write.hpp>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "proxy/app/answers.hpp"

namespace bascule::app {

namespace {

using Protocol = asio::local::stream_protocol;

constexpr auto deadline = std::chrono::seconds(5);   // of a request, and of taking its answer
constexpr auto patience = std::chrono::seconds(60);  // of who asks: large rules take a moment to be read
constexpr std::size_t answer_bytes_max = std::size_t{16} * 1024 * 1024;  // of what is taken

// Who is at the other end: for an accepted socket who connected, for a connected one who listens.
class PeerCredentials {
 public:
  template <typename P>
  int level(const P&) const {
    return SOL_SOCKET;
  }
  template <typename P>
  int name(const P&) const {
    return SO_PEERCRED;
  }
  template <typename P>
  void* data(const P&) {
    return &credentials_;
  }
  template <typename P>
  std::size_t size(const P&) const {
    return sizeof credentials_;
  }
  template <typename P>
  void resize(const P&, std::size_t) {}

  uid_t user() const { return credentials_.uid; }

 private:
  ucred credentials_{};
};

std::optional<uid_t> user_at(const Protocol::socket& socket) {
  PeerCredentials credentials;
  asio::error_code error;
  socket.get_option(credentials, error);  // NOLINT(bugprone-unused-return-value): it gives `error` again
  if (error) { return std::nullopt; }
  return credentials.user();
}

constexpr std::string_view family = "bascule/";

// The NUL in front makes it a name of the abstract namespace (unix(7)).
Protocol::endpoint endpoint_of(uid_t user, const std::string& digest) {
  return {fmt::format("{}{}{}/{}", '\0', family, user, digest)};
}

std::string words_of(const std::vector<std::string>& paths) {
  return fmt::format("{}", fmt::join(paths, " "));
}

// The users, besides root, who have such a socket: from the kernel's list, in which '@' stands for the NUL.
std::set<uid_t> users_with(const std::string& digest) {
  std::set<uid_t> users;
  const std::string ending = fmt::format("/{}", digest);
  std::ifstream list("/proc/net/unix");
  for (std::string line; std::getline(list, line);) {
    const std::string start = fmt::format(" @{}", family);
    const std::size_t at = line.rfind(start);
    if (at == std::string::npos || !line.ends_with(ending)) { continue; }
    const std::string_view rest = std::string_view(line).substr(at + start.size());
    uid_t user = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), user);
    const bool whole = error == std::errc() && rest.substr(static_cast<std::size_t>(end - rest.data())) == ending;
    if (whole && user != 0) { users.insert(user); }
  }
  return users;
}

}  // namespace

std::string digest_of(const std::vector<std::string>& paths) {
  // FNV-1a, 64 bits: this is a name, and no secret; who answers by it is asked of the kernel.
  std::uint64_t hash = 14695981039346656037ULL;
  const auto add = [&hash](std::string_view text) {
    for (const char c : text) {
      hash ^= static_cast<unsigned char>(c);
      hash *= 1099511628211ULL;
    }
  };
  for (const std::string& path : paths) {
    std::error_code error;
    const std::filesystem::path absolute = std::filesystem::absolute(path, error);
    std::string text = error ? path : absolute.lexically_normal().string();
    while (text.size() > 1 && text.ends_with('/')) { text.pop_back(); }
    add(text);
    add(std::string_view("\0", 1));
  }
  return fmt::format("{:016x}", hash);
}

// --- who is asked ----------------------------------------------------------------------------------------------------

// What the socket and its conversations have in common. They hold it, and so do their pending operations, which Asio
// ends only after the Control has gone.
struct Control::Shared : std::enable_shared_from_this<Control::Shared> {
  Shared(asio::io_context& context, ControlHandlers given)
      : acceptor(context), pause(context), handlers(std::move(given)) {}

  void accept();

  Protocol::acceptor acceptor;
  asio::steady_timer pause;
  ControlHandlers handlers;
  uid_t owner = ::geteuid();
  std::set<Conversation*> conversations{};
};

// One request and its answer. Its pending operations hold it; when there is none left, it is over.
class Control::Conversation : public std::enable_shared_from_this<Control::Conversation> {
 public:
  Conversation(std::shared_ptr<Shared> shared, Protocol::socket socket)
      : shared_(std::move(shared)), socket_(std::move(socket)), deadline_(socket_.get_executor()) {
    shared_->conversations.insert(this);
  }
  ~Conversation() { shared_->conversations.erase(this); }
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;

  void begin() {
    start_deadline();
    asio::async_read_until(socket_, asio::dynamic_buffer(request_, request_bytes_max), '\n',
                           [self = shared_from_this()](const asio::error_code& error, std::size_t bytes) {
                             if (!error) { self->answer(bytes); }
                           });
  }

  void cut() {
    asio::error_code ignored;
    socket_.close(ignored);  // NOLINT(bugprone-unused-return-value)
    deadline_.cancel();
  }

 private:
  void answer(std::size_t line_bytes) {
    request_.resize(line_bytes);
    const std::optional<ControlRequest> request = parse_request(request_);
    if (!request) {
      answer_ = json_of_no("the request is not understood; are both of the same version of bascule?");
    } else if (request->verb == ControlRequest::Verb::reload) {
      answer_ = shared_->handlers.reload();
    } else {
      answer_ = shared_->handlers.refusal(request->reference);
    }
    start_deadline();
    asio::async_write(socket_, asio::buffer(answer_),
                      [self = shared_from_this()](const asio::error_code&, std::size_t) { self->cut(); });
  }

  void start_deadline() {
    // One that fired just before it was set again still comes, as success: it is not the last that was set, then.
    deadline_.expires_after(deadline);
    deadline_.async_wait([weak = weak_from_this(), number = ++deadlines_](const asio::error_code& error) {
      const auto self = weak.lock();
      if (!error && self && number == self->deadlines_) { self->cut(); }
    });
  }

  std::shared_ptr<Shared> shared_;
  Protocol::socket socket_;
  asio::steady_timer deadline_;
  unsigned deadlines_ = 0;
  std::string request_;
  std::string answer_;
};

void Control::Shared::accept() {
  acceptor.async_accept([self = shared_from_this()](const asio::error_code& error, Protocol::socket socket) {
    if (!self->acceptor.is_open()) { return; }
    if (error) {  // a shortage of descriptors, for one, which passes
      self->pause.expires_after(std::chrono::seconds(1));
      self->pause.async_wait([self](const asio::error_code&) {
        if (self->acceptor.is_open()) { self->accept(); }
      });
      return;
    }
    const std::optional<uid_t> user = user_at(socket);
    const bool known = user && (*user == self->owner || *user == 0);
    if (known && self->conversations.size() < conversations_max) {
      std::make_shared<Conversation>(self, std::move(socket))->begin();
    }
    self->accept();
  });
}

std::unique_ptr<Control> Control::open(asio::io_context& context, const std::vector<std::string>& paths,
                                       ControlHandlers handlers, std::string& why_not) {
  auto shared = std::make_shared<Shared>(context, std::move(handlers));
  try {
    shared->acceptor.open();
    shared->acceptor.bind(endpoint_of(shared->owner, digest_of(paths)));
    shared->acceptor.listen();
  } catch (const asio::system_error& error) {
    why_not = error.code() == asio::error::address_in_use
                  ? fmt::format("another process of this user serves {} already", words_of(paths))
                  : error.code().message();
    return nullptr;
  }
  shared->accept();
  return std::unique_ptr<Control>(new Control(std::move(shared)));
}

Control::Control(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}

Control::~Control() {
  asio::error_code ignored;
  shared_->acceptor.close(ignored);  // NOLINT(bugprone-unused-return-value)
  shared_->pause.cancel();
  const std::set<Conversation*> under_way = shared_->conversations;
  for (Conversation* conversation : under_way) { conversation->cut(); }
}

// --- who asks --------------------------------------------------------------------------------------------------------

namespace {

class Asking {
 public:
  enum class Outcome : std::uint8_t { nobody_there, foreign, failed, answered };

  // `user`: whose process it has to be.
  Outcome ask(uid_t user, const std::string& digest, const std::string& request) {
    asio::error_code error;
    socket_.connect(endpoint_of(user, digest), error);  // NOLINT(bugprone-unused-return-value)
    if (error) { return Outcome::nobody_there; }
    // Anybody may take a name in the abstract namespace, and would then be told what we ask and believed in what he
    // answers.
    if (user_at(socket_) != user) { return Outcome::foreign; }
    line_ = request + '\n';
    asio::async_write(socket_, asio::buffer(line_), [this](const asio::error_code& broken, std::size_t) {
      if (!broken) { read(); }
    });
    context_.run_for(patience);
    return whole_ ? Outcome::answered : Outcome::failed;
  }

  std::string take() { return std::move(answer_); }

 private:
  void read() {
    asio::async_read(
        socket_, asio::dynamic_buffer(answer_, answer_bytes_max),
        [this](const asio::error_code& end, std::size_t) { whole_ = end == asio::error::eof && !answer_.empty(); });
  }

  asio::io_context context_{1};
  Protocol::socket socket_{context_};
  std::string line_;
  std::string answer_;
  bool whole_ = false;
};

}  // namespace

Result<std::string, NoAnswer> ask_process(const std::vector<std::string>& paths, const std::string& request) {
  const std::string digest = digest_of(paths);
  std::vector<uid_t> users{::geteuid()};
  if (users.front() == 0) {
    const std::set<uid_t> others = users_with(digest);
    users.insert(users.end(), others.begin(), others.end());
  }
  bool foreign = false;
  for (const uid_t user : users) {
    Asking asking;
    switch (asking.ask(user, digest, request)) {
      case Asking::Outcome::answered: return asking.take();
      case Asking::Outcome::failed:
        return NoAnswer{fmt::format("the process that serves {} does not answer", words_of(paths))};
      case Asking::Outcome::foreign: foreign = true; break;
      case Asking::Outcome::nobody_there: break;
    }
  }
  return NoAnswer{fmt::format(
      "no running bascule{} serves {}{}", users.front() == 0 ? "" : " of this user", words_of(paths),
      foreign ? "; another user has taken its name" : "; it is found by the RULES that 'bascule serve' was given")};
}

}  // namespace bascule::app
