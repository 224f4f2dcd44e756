#include "proxy/app/server.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>
#include <csignal>
#include <cstring>
#include <semaphore>
#include <set>
#include <utility>

#include "proxy/app/answers.hpp"
#include "proxy/app/changes.hpp"
#include "proxy/app/control.hpp"
#include "proxy/app/limits.hpp"
#include "proxy/app/watch.hpp"
#include "proxy/app/worker.hpp"
#include "proxy/auth/prover.hpp"
#include "proxy/auth/remote_keys.hpp"
#include "proxy/config/read_table.hpp"
#include "proxy/config/read_tls.hpp"
#include "proxy/config/read_users.hpp"
#include "proxy/net/acceptor.hpp"
#include "proxy/net/listen.hpp"
#include "proxy/net/socket_address.hpp"
#include "proxy/session/health.hpp"

namespace bascule::app {

namespace {

using namespace std::chrono_literals;
using config::Mistake;
using config::Mistakes;
using observe::Level;
using policy::Listener;
using policy::Rules;
using policy::Service;

// Signals that come in a swarm lead to one reading.
constexpr auto gather_signals_for = 50ms;
// How often files are looked at that are to be read again when they change.
constexpr auto look_every = 500ms;
// How long an OCSP answer that is over may still be shown.
constexpr auto staples_every = 5min;

// Threads for the hashes of passwords: beside the workers, and few of them.
unsigned hashing_threads() {
  return std::clamp(usable_cores() / 2, 1U, 4U);
}

struct WhyNot {
  std::string text;
};

// A place where visitors come in. The address is what makes it the same door under other rules.
struct Door {
  Address address;                          // as written
  Address bound;                            // as the kernel gave it
  bool shares_port = false;                 // since it was opened
  OwnedFd socket;                           // until the acceptor takes it
  std::string name;                         // of the listener now; the main thread's
  std::string name_inside;                  // the same, for the first worker's thread
  std::unique_ptr<net::Acceptor> acceptor;  // the first worker's, too
};

class Server {
 public:
  Server(std::vector<std::string> paths, FileWatch watch, config::Reading reading, std::optional<unsigned> workers,
         observe::Log& log)
      : paths_(std::move(paths)),
        workers_wanted_(workers),
        rules_(std::make_shared<const Rules>(std::move(reading.rules))),
        log_(log),
        rules_watch_(std::move(watch)),
        descriptors_(raise_descriptor_limit()),
        ledger_(sessions_for(descriptors_), waiting_each_for(descriptors_)) {}

  bool serve() {
    // A client that is gone is an error value of send(), a log reader that is gone one of write().
    std::signal(SIGPIPE, SIG_IGN);
    // Others' habits give these a meaning, such as to reopen a log. Here they have none, and end nobody's session.
    for (const int signal : {SIGUSR1, SIGUSR2}) { std::signal(signal, SIG_IGN); }
    auto opened = open_doors(*rules_);
    if (!opened) {
      for (const Mistake& mistake : opened.error()) {
        note(Level::error, "cannot_listen", fmt::format("{}: {}", mistake.place.text(), mistake.text));
      }
      return false;
    }
    doors_ = std::move(*opened);
    // Before the first thread: the set blocks nothing, but its handlers must stand before anybody can be told to stop.
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) { signals_.add(signal); }
    await_signal();
    start_workers();
    open_control();
    watch_files();
    rotate_ticket_keys();
    context_.run();
    control_.reset();
    workers_.clear();  // joins them
    note(Level::info, "stopped", "bascule has stopped");
    return true;
  }

 private:
  using Doors = std::vector<std::shared_ptr<Door>>;

  void note(Level level, std::string_view event, std::string text,
            std::vector<std::pair<std::string_view, std::string>> fields = {}) {
    log_.note({.level = level, .event = event, .text = std::move(text), .fields = std::move(fields), .at = {}});
  }

  // --- doors and workers ---------------------------------------------------------------------------------------------

  // The doors that these rules want and that are not open yet: all of them, or the reasons why not.
  Result<Doors, Mistakes> open_doors(const Rules& rules) const {
    Doors opened;
    Mistakes failures;
    for (const Listener& listener : rules.listeners) {
      if (const auto open = door_of(listener)) {
        if (open->shares_port != listener.share_port) {
          failures.push_back(
              {.place = listener.place, .text = "'share_port' of a port that is open: that takes a restart"});
        }
        continue;
      }
      auto socket = net::listen_on(listener.address, {.mode = listener.mode, .share_port = listener.share_port});
      if (!socket) {
        failures.push_back({.place = listener.place, .text = socket.error().text + whose_fault(listener)});
        continue;
      }
      auto door = std::make_shared<Door>();
      door->address = listener.address;
      door->bound = net::local_address(socket->get());
      door->name = listener.name;
      door->name_inside = listener.name;
      door->shares_port = listener.share_port;
      door->socket = std::move(*socket);
      opened.push_back(std::move(door));
    }
    if (failures.empty()) { return opened; }
    for (const auto& door : opened) { remove_socket_file(*door); }
    return failures;
  }

  // A port that is ours already, on another set of addresses, cannot be bound a second time.
  std::string whose_fault(const Listener& listener) const {
    const auto ours = std::find_if(doors_.begin(), doors_.end(), [&](const auto& door) {
      return door->address.is_ip() && listener.address.is_ip() && door->address.port() == listener.address.port() &&
             listener.address.port() != 0;
    });
    if (ours == doors_.end()) { return {}; }
    return fmt::format("; it is bascule itself, at {}: to move a port between addresses takes a restart",
                       (*ours)->address.text());
  }

  // Null: it is not open yet. Any free port is the one that a listener of that name was given before.
  std::shared_ptr<Door> door_of(const Listener& listener) const {
    const bool any_port = listener.address.is_ip() && listener.address.port() == 0;
    const auto found = std::find_if(doors_.begin(), doors_.end(), [&](const auto& door) {
      return door->address == listener.address && (!any_port || door->name == listener.name);
    });
    return found == doors_.end() ? nullptr : *found;
  }

  // On the first worker's thread, or before it runs.
  void open_up(const std::shared_ptr<Door>& door) {
    door->acceptor = std::make_unique<net::Acceptor>(
        workers_.front()->loop(), std::move(door->socket),
        [this, door = door.get()](OwnedFd socket, const Address& client) {
          place(std::move(socket), {.listener = door->name_inside, .door = door->address, .peer = client});
        },
        [this, door = door.get()](int error) { tell_shortage(door->name_inside, error); });
  }

  void open_up_or_tell(const std::shared_ptr<Door>& door) {
    try {
      open_up(door);
    } catch (const std::exception& exception) {
      note(Level::error, "cannot_listen", fmt::format("listener {}: {}", door->name_inside, exception.what()));
    }
  }

  void tell_listening(const Door& door) {
    note(Level::info, "listening", fmt::format("listening on {}", door.bound.text()),
         {{"listener", door.name}, {"address", door.bound.text()}});
  }

  void start_workers() {
    const unsigned count = workers_wanted_.value_or(rules_->process.workers.value_or(usable_cores()));
    const session::Shared shared{.resolver = resolver_,
                                 .ledger = ledger_,
                                 .roster = roster_,
                                 .log = log_,
                                 .refusals = refusals_,
                                 .proving = proving_,
                                 .ticket_keys = ticket_keys_};
    for (unsigned i = 0; i < count; ++i) { workers_.push_back(std::make_unique<Worker>(shared, rules_)); }
    // One acceptor a door, all of them on the first worker's loop, which is not running yet.
    for (const auto& door : doors_) {
      open_up(door);
      tell_listening(*door);
    }
    health_ = std::make_unique<session::HealthChecks>(workers_.front()->floor());
    remote_keys_ = std::make_unique<auth::RemoteKeys>(
        workers_.front()->loop(), resolver_, [this](auth::RemoteKeys::News news, std::string text) {
          const bool well = news == auth::RemoteKeys::News::read;
          note(well ? Level::info : Level::warning, well ? "keys_read" : "keys_failed", std::move(text));
        });
    proving_.remote_keys = remote_keys_.get();
    workers_.front()->loop().post([this, rules = rules_] { look_after(*rules); });
    for (const auto& worker : workers_) { worker->start(); }
    note(Level::info, "ready",
         fmt::format("ready: {} route{}, {} worker{}", rules_->routes.size(), rules_->routes.size() == 1 ? "" : "s",
                     count, count == 1 ? "" : "s"),
         {{"workers", std::to_string(count)}});
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

  // On the first worker's thread: what is done for these rules beside the sessions.
  void look_after(const Rules& rules) {
    health_->apply(rules);
    remote_keys_->keep(rules.remote_keys());
  }

  void tell_shortage(const std::string& listener, int error) {
    note(Level::warning, "shortage", fmt::format("listener {}: new visitors wait: {}", listener, std::strerror(error)),
         {{"listener", listener}});
  }

  // --- new rules; on the main thread ---------------------------------------------------------------------------------

  // Reads them and puts them in the place of the old ones, whole or not at all.
  Result<config::Reading, Mistakes> read_again() {
    rules_watch_ = FileWatch(paths_);  // first: what changes while we read will be seen
    return config::read_rules_at(paths_);
  }

  // JSON for whoever asked (app/answers).
  std::string reload() {
    if (draining_) { return json_of_no("bascule is stopping"); }
    auto reading = read_again();
    if (!reading) { return rejected(reading.error()); }
    auto opened = open_doors(reading->rules);
    if (!opened) { return rejected(opened.error()); }

    const auto rules = std::make_shared<const Rules>(std::move(reading->rules));
    const Changes changes = changes_between(*rules_, *rules);
    carry_over_keys(*rules_, *rules);
    rules_ = rules;
    for (const Mistake& warning : reading->warnings) {
      note(Level::warning, "rules_warning", fmt::format("{}: {}", warning.place.text(), warning.text));
    }
    change_doors(std::move(*opened));
    for (const std::string& line : changes.lines()) { note(Level::info, "reloaded", "new rules: " + line); }
    watch_sources();
    return json_of_reload(changes, reading->warnings);
  }

  // Keys that have been fetched are not forgotten because the rules were read again.
  static void carry_over_keys(const Rules& before, const Rules& after) {
    for (const proof::Keys& fresh : after.remote_keys()) {
      for (const proof::Keys& known : before.remote_keys()) {
        const bool same = known.url == fresh.url && known.algorithms == fresh.algorithms &&
                          known.url_authorities == fresh.url_authorities;
        if (same && fresh.set->current()->size() == 0) { fresh.set->put(known.set->current()); }
      }
    }
  }

  std::string rejected(const Mistakes& mistakes) {
    for (const Mistake& mistake : mistakes) {
      note(Level::error, "reload_failed", fmt::format("{}: {}", mistake.place.text(), mistake.text));
    }
    note(Level::error, "reload_failed", "the rules stay as they were");
    return json_of_mistakes(mistakes);
  }

  // The rules go into every worker's mailbox before the first worker opens or closes a door, so that nobody comes in by
  // a new door under old rules.
  void change_doors(Doors opened) {
    Doors kept;
    std::vector<std::pair<std::shared_ptr<Door>, std::string>> names;
    for (const Listener& listener : rules_->listeners) {
      const auto door = door_of(listener);
      if (!door) { continue; }
      kept.push_back(door);
      door->name = listener.name;
      names.emplace_back(door, listener.name);
      if (!listener.address.is_ip()) { ::chmod(listener.address.path().c_str(), listener.mode); }
    }
    Doors closing;
    std::copy_if(doors_.begin(), doors_.end(), std::back_inserter(closing),
                 [&kept](const auto& door) { return std::find(kept.begin(), kept.end(), door) == kept.end(); });
    for (const auto& door : opened) { tell_listening(*door); }
    for (const auto& door : closing) { remove_socket_file(*door); }
    doors_ = std::move(kept);
    doors_.insert(doors_.end(), opened.begin(), opened.end());

    // Whoever asked for the reload is told when the new rules hold everywhere.
    const auto in_force = std::make_shared<std::counting_semaphore<>>(0);
    for (auto worker = workers_.begin() + 1; worker != workers_.end(); ++worker) {
      (*worker)->loop().post([worker = worker->get(), rules = rules_, in_force] {
        worker->floor().rule_by(rules);
        in_force->release();
      });
    }
    workers_.front()->loop().post([this, in_force, rules = rules_, opened = std::move(opened),
                                   closing = std::move(closing), names = std::move(names)]() mutable {
      workers_.front()->floor().rule_by(rules);
      for (const auto& [door, name] : names) { door->name_inside = name; }
      for (const auto& door : closing) { door->acceptor.reset(); }
      for (const auto& door : opened) { open_up_or_tell(door); }
      look_after(*rules);
      in_force->release();
    });

    for (std::size_t i = 0; i < workers_.size(); ++i) {
      if (!in_force->try_acquire_for(5s)) { break; }
    }

    std::set<std::string> routes;
    for (const auto& route : rules_->routes) { routes.insert(route->name); }
    ledger_.keep_only(routes);
    roster_.keep_only(*rules_);
  }

  void open_control() {
    ControlHandlers handlers{.reload = [this] { return reload(); },
                             .refusal = [this](const std::string& reference) { return refusal(reference); }};
    std::string why_not;
    control_ = Control::open(context_, paths_, std::move(handlers), why_not);
    if (!control_) {
      note(Level::warning, "no_control", fmt::format("`bascule reload` will not find us: {}", why_not));
    }
  }

  std::string refusal(const std::string& reference) const {
    const auto record = refusals_.find(reference);
    return record ? json_of_refusal(*record) : json_of_no("no refusal of late has this reference; look into the log");
  }

  // --- files that are read again when they change; on the main thread
  // -------------------------------------------------

  // A file that is read again by itself: a table of targets, a list of users.
  struct Watched {
    std::string path;
    FileWatch watch;
    // Puts what is there now in the place of the old: "7 targets", or why it could not be read. What is wrong in it is
    // told where somebody listens.
    std::function<Result<std::string, WhyNot>(bool tell)> read;
    bool failed = false;  // the last reading did: it is tried again at each look, and told once
    // Where the clock alone may make a difference (an OCSP answer that is over is not shown any more): the next time.
    TimePoint read_anyway_at = never;
  };

  void watch_files() {
    watch_sources();
    look_soon();
  }

  // What changed between the reading of the rules and now is not lost: all are read once more.
  void watch_sources() {
    watched_.clear();
    for (const auto& source : rules_->tables()) {
      watched_.push_back({.path = source->path(),
                          .watch = FileWatch({source->path()}),
                          .read = [this, source](bool tell) { return read_table_into(*source, tell); }});
    }
    for (const auto& source : rules_->user_lists()) {
      watched_.push_back({.path = source->path(),
                          .watch = FileWatch({source->path()}),
                          .read = [this, source](bool tell) { return read_users_into(*source, tell); }});
    }
    watch_tls();
    for (const Watched& watched : watched_) { static_cast<void>(watched.read(false)); }
  }

  Result<std::string, WhyNot> read_table_into(policy::TableSource& source, bool tell) {
    auto table = config::read_table(source.path());
    if (!table) { return WhyNot{fmt::format("{}; the table stays as it was", table.error())}; }
    if (tell) {
      for (const policy::Table::Complaint& complaint : table->complaints()) {
        note(Level::warning, "file_warning", fmt::format("{}:{}: {}", complaint.file, complaint.line, complaint.text));
      }
    }
    std::string what = fmt::format("{} targets", table->size());
    source.put(std::make_shared<const policy::Table>(std::move(*table)));
    return what;
  }

  Result<std::string, WhyNot> read_users_into(proof::UserSource& source, bool tell) {
    auto users = config::read_users(source.path());
    if (!users) { return WhyNot{fmt::format("{}; the users stay as they were", users.error())}; }
    if (tell) {
      for (const proof::UserList::Complaint& complaint : users->complaints()) {
        note(Level::warning, "file_warning", fmt::format("{}:{}: {}", source.path(), complaint.line, complaint.text));
      }
    }
    std::string what = fmt::format("{} users", users->size());
    source.put(std::make_shared<const proof::UserList>(std::move(*users)));
    return what;
  }

  void rotate_ticket_keys() {
    ticket_keys_timer_.expires_after(tls::TicketKeys::rotate_every);
    ticket_keys_timer_.async_wait([this](const asio::error_code& error) {
      if (error) { return; }
      ticket_keys_.rotate();
      rotate_ticket_keys();
    });
  }

  // Certificates and keys of listeners and services.
  void watch_tls() {
    for (const Listener& listener : rules_->listeners) {
      if (!listener.tls) { continue; }
      const policy::ListenerTls& tls = *listener.tls;
      watched_.push_back({.path = fmt::format("TLS of listener {}", listener.name),
                          .watch = FileWatch(tls.files),
                          .read = [this, rules = rules_, &tls](bool) -> Result<std::string, WhyNot> {
                            auto server = config::make_server(tls, std::chrono::system_clock::now());
                            if (!server) { return as_it_was(server.error()); }
                            const bool other_authorities =
                                tls.server->current()->authorities_digest() != (*server)->authorities_digest();
                            tls.server->put(*server);
                            if (other_authorities) { judge_sessions_again(); }
                            return std::string("what is shown from now on");
                          }});
      const bool staples = std::any_of(tls.certificates.begin(), tls.certificates.end(),
                                       [](const auto& pair) { return !pair.ocsp.empty(); });
      if (staples) { watched_.back().read_anyway_at = Clock::now() + staples_every; }
    }
    for (const Service* service : rules_->services_by_tls()) {
      watched_.push_back({.path = fmt::format("TLS to service {}", service->name),
                          .watch = FileWatch(service->tls->files),
                          .read = [rules = rules_, &tls = *service->tls](bool) -> Result<std::string, WhyNot> {
                            auto client = config::make_client(tls, std::chrono::system_clock::now());
                            if (!client) { return as_it_was(client.error()); }
                            tls.client->put(*client);
                            return std::string("used from now on");
                          }});
    }
  }

  // The rules are the same, but what they rest on is not.
  void judge_sessions_again() {
    for (const auto& worker : workers_) {
      worker->loop().post([worker = worker.get()] {
        const std::shared_ptr<const Rules> rules = worker->floor().rules();
        worker->floor().rule_by(rules);
      });
    }
  }

  static WhyNot as_it_was(const config::TlsTrouble& trouble) {
    return {fmt::format("{}; the old ones stay in use", trouble.why)};
  }

  void look_soon() {
    if (draining_) { return; }
    // Looking takes at most a twentieth of this thread's time, however many files there are.
    Duration looking = rules_watch_.last_look_took();
    for (const Watched& watched : watched_) { looking += watched.watch.last_look_took(); }
    look_timer_.expires_after(std::max<Duration>(look_every, 20 * looking));
    look_timer_.async_wait([this](const asio::error_code& error) {
      if (error) { return; }
      for (Watched& watched : watched_) { look_at(watched); }
      if (rules_->process.watch && rules_watch_.changed_and_settled(Clock::now())) { reload(); }
      look_soon();
    });
  }

  void look_at(Watched& watched) {
    if (watched.read_anyway_at <= Clock::now()) {
      watched.read_anyway_at = Clock::now() + staples_every;
      static_cast<void>(watched.read(false));
    }
    const bool changed = watched.watch.changed_and_settled(Clock::now());
    if (!changed && !watched.failed) { return; }
    const auto read = watched.read(true);
    const bool failed_before = std::exchange(watched.failed, !read);
    if (read) {
      note(Level::info, "file_read", fmt::format("{} has changed: {}", watched.path, *read));
    } else if (changed || !failed_before) {
      note(Level::error, "file_failed", read.error().text);
    }
  }

  // --- the end; on the main thread -----------------------------------------------------------------------------------

  void await_signal() {
    signals_.async_wait([this](const asio::error_code& error, int signal) {
      if (error) { return; }
      if (signal == SIGHUP) {
        reload_soon();
      } else if (draining_) {
        cut("a second signal");
      } else {
        drain();
      }
      await_signal();
    });
  }

  void reload_soon() {
    if (std::exchange(reload_asked_, true)) { return; }
    reload_timer_.expires_after(gather_signals_for);
    reload_timer_.async_wait([this](const asio::error_code& error) {
      reload_asked_ = false;
      if (!error && !draining_) { reload(); }
    });
  }

  void drain() {
    draining_ = true;
    look_timer_.cancel();
    ticket_keys_timer_.cancel();
    note(Level::info, "draining",
         fmt::format("stopping: {} sessions are told; a second signal ends them at once", ledger_.sessions()));
    workers_left_ = workers_.size();
    // The doors first, so that nobody enters a house that is being left; they live on the first worker's thread. What
    // it has handed to other workers is in their mailboxes by then, ahead of what comes now. The files of Unix sockets
    // go with them, and not later: by then they may be those of the next process.
    workers_.front()->loop().post([this, doors = doors_] {
      for (const auto& door : doors) {
        remove_socket_file(*door);
        door->acceptor.reset();
      }
      health_->stop();
      remote_keys_->stop();
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
    note(Level::warning, "cutting", fmt::format("{}: {} sessions are cut", why, ledger_.sessions()));
    for (const auto& worker : workers_) { worker->clear(); }
  }

  static void remove_socket_file(const Door& door) {
    if (door.address.family() == Address::Family::unix_path) { ::unlink(door.address.path().c_str()); }
  }

  const std::vector<std::string> paths_;
  const std::optional<unsigned> workers_wanted_;
  std::shared_ptr<const Rules> rules_;
  observe::Log& log_;
  FileWatch rules_watch_;
  const std::size_t descriptors_;
  session::Ledger ledger_;
  session::Roster roster_;
  observe::Refusals refusals_;
  tls::TicketKeys ticket_keys_;
  auth::Shared proving_{auth::Hashing::Options{.threads = hashing_threads()}};
  net::Resolver resolver_{net::Resolver::Options{}};
  asio::io_context context_{1};
  asio::signal_set signals_{context_};
  asio::steady_timer drain_deadline_{context_};
  asio::steady_timer reload_timer_{context_};
  asio::steady_timer look_timer_{context_};
  asio::steady_timer ticket_keys_timer_{context_};
  std::unique_ptr<Control> control_;
  std::vector<Watched> watched_;
  std::vector<std::unique_ptr<Worker>> workers_;
  Doors doors_;  // before the workers' loops go
  std::unique_ptr<session::HealthChecks> health_;
  std::unique_ptr<auth::RemoteKeys> remote_keys_;
  std::size_t workers_left_ = 0;
  bool draining_ = false;
  bool reload_asked_ = false;
};

}  // namespace

bool serve_until_told(const std::vector<std::string>& paths, FileWatch watch, config::Reading reading,
                      std::optional<unsigned> workers, observe::Log& log) {
  return Server(paths, std::move(watch), std::move(reading), workers, log).serve();
}

}  // namespace bascule::app
