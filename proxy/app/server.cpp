#include "proxy/app/server.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>
#include <csignal>
#include <cstring>
#include <utility>
#include <vector>

#include "proxy/app/limits.hpp"
#include "proxy/app/worker.hpp"
#include "proxy/net/acceptor.hpp"
#include "proxy/net/listen.hpp"
#include "proxy/net/socket_address.hpp"

namespace bascule::app {

namespace {

using observe::Level;

class Server {
 public:
  Server(const std::shared_ptr<const policy::Rules>& rules, observe::Log& log)
      : rules_(rules), log_(log), ledger_(sessions_for(raise_descriptor_limit())) {}

  bool serve() {
    // A client that is gone is an error value of send(), a log reader that is gone one of write().
    std::signal(SIGPIPE, SIG_IGN);
    if (!listen()) { return false; }
    // Before the first thread: the set blocks nothing, but its handlers must stand before anybody can be told to stop.
    signals_.add(SIGTERM);
    signals_.add(SIGINT);
    await_signal();
    start_workers();
    context_.run();
    workers_.clear();  // joins them
    log_.note({.level = Level::info, .event = "stopped", .text = "bascule has stopped", .fields = {}, .at = {}});
    return true;
  }

 private:
  struct Opened {
    const policy::Listener* listener;
    OwnedFd socket;
    Address address;
  };

  bool listen() {
    for (const policy::Listener& listener : rules_->listeners) {
      auto socket = net::listen_on(listener.address, listener.mode);
      if (!socket) {
        log_.note({.level = Level::error,
                   .event = "cannot_listen",
                   .text = fmt::format("{}: {}", listener.place.text(), socket.error().text),
                   .fields = {{"listener", listener.name}},
                   .at = {}});
        return false;
      }
      const Address address = net::local_address(socket->get());
      opened_.push_back({&listener, std::move(*socket), address});
    }
    return true;
  }

  void start_workers() {
    const unsigned count = rules_->process.workers.value_or(usable_cores());
    for (unsigned i = 0; i < count; ++i) {
      workers_.push_back(std::make_unique<Worker>(resolver_, ledger_, log_, rules_));
    }
    // One acceptor a listen address, all of them on the first worker's loop, which is not running yet.
    for (Opened& opened : opened_) {
      const std::string name = opened.listener->name;
      acceptors_.push_back(std::make_unique<net::Acceptor>(
          workers_.front()->loop(), std::move(opened.socket),
          [this, name](OwnedFd socket, const Address& client) {
            place(std::move(socket), {name, client});
          },
          [this, name](int error) { tell_shortage(name, error); }));
      log_.note({.level = Level::info,
                 .event = "listening",
                 .text = fmt::format("listening on {}", opened.address.text()),
                 .fields = {{"listener", name}, {"address", opened.address.text()}},
                 .at = {}});
    }
    for (const auto& worker : workers_) { worker->start(); }
    log_.note({.level = Level::info,
               .event = "ready",
               .text = fmt::format("ready: {} route{}, {} worker{}", rules_->routes.size(),
                                   rules_->routes.size() == 1 ? "" : "s", count, count == 1 ? "" : "s"),
               .fields = {{"workers", std::to_string(count)}},
               .at = {}});
  }

  // On the first worker's thread: to whoever has the least to do, which is itself when all have the same.
  void place(OwnedFd socket, session::Visitor visitor) {
    const auto least = std::min_element(workers_.begin(), workers_.end(),
                                        [](const auto& a, const auto& b) { return a->load() < b->load(); });
    if (least == workers_.begin()) {
      session::receive(workers_.front()->floor(), std::move(socket), std::move(visitor));
    } else {
      (*least)->hand_over(std::move(socket), std::move(visitor));
    }
  }

  void tell_shortage(const std::string& listener, int error) {
    log_.note({.level = Level::warning,
               .event = "shortage",
               .text = fmt::format("listener {}: new visitors wait: {}", listener, std::strerror(error)),
               .fields = {{"listener", listener}},
               .at = {}});
  }

  // --- the end; on the main thread ---

  void await_signal() {
    signals_.async_wait([this](const asio::error_code& error, int) {
      if (error) { return; }
      if (draining_) {
        cut("a second signal");
      } else {
        drain();
      }
      await_signal();
    });
  }

  void drain() {
    draining_ = true;
    log_.note(
        {.level = Level::info,
         .event = "draining",
         .text = fmt::format("stopping: {} sessions are told; a second signal ends them at once", ledger_.sessions()),
         .fields = {},
         .at = {}});
    workers_left_ = workers_.size();
    // The listeners first, so that nobody enters a house that is being left; they live on the first worker's thread.
    // What it has handed to other workers is in their mailboxes by then, ahead of what comes now.
    // The files of Unix sockets go with them, and not later: by then they may be those of the next process.
    workers_.front()->loop().post([this] {
      remove_socket_files();
      acceptors_.clear();
      asio::post(context_, [this] { drain_workers(); });
    });
    if (const Limit limit = rules_->process.drain) {
      drain_deadline_.expires_after(*limit);
      drain_deadline_.async_wait([this](const asio::error_code& error) {
        if (!error) { cut("the end of process.drain"); }
      });
    }
  }

  void drain_workers() {
    for (const auto& worker : workers_) {
      worker->drain([this] {
        asio::post(context_, [this] {
          if (--workers_left_ == 0) { context_.stop(); }
        });
      });
    }
  }

  void cut(std::string_view why) {
    log_.note({.level = Level::warning,
               .event = "cutting",
               .text = fmt::format("{}: {} sessions are cut", why, ledger_.sessions()),
               .fields = {},
               .at = {}});
    for (const auto& worker : workers_) { worker->clear(); }
  }

  void remove_socket_files() const {
    for (const Opened& opened : opened_) {
      if (opened.address.family() == Address::Family::unix_path) { ::unlink(opened.address.path().c_str()); }
    }
  }

  std::shared_ptr<const policy::Rules> rules_;
  observe::Log& log_;
  session::Ledger ledger_;
  net::Resolver resolver_{net::Resolver::Options{}};
  asio::io_context context_{1};
  asio::signal_set signals_{context_};
  asio::steady_timer drain_deadline_{context_};
  std::vector<Opened> opened_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::unique_ptr<net::Acceptor>> acceptors_;  // before the workers' loops go
  std::size_t workers_left_ = 0;
  bool draining_ = false;
};

}  // namespace

bool serve_until_told(const std::shared_ptr<const policy::Rules>& rules, observe::Log& log) {
  return Server(rules, log).serve();
}

}  // namespace bascule::app
