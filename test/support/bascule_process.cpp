#include "test/support/bascule_process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include "test/support/pipe.hpp"
#include "test/support/sockets.hpp"

namespace bascule::test {

namespace {

// The binary of this build, or another one that is to be held to the same tests.
const char* binary() {
  const char* const other = std::getenv("BASCULE_BIN");
  return other != nullptr ? other : BASCULE_BINARY;
}

// Everything that is needed between fork and exec, made before.
int start(const std::vector<std::string>& arguments, int out, int err, unsigned descriptors) {
  std::vector<std::string> words{binary()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) { argv.push_back(word.data()); }
  argv.push_back(nullptr);
  const int pid = ::fork();
  if (pid < 0) { throw std::runtime_error("fork"); }
  if (pid == 0) {
    if (descriptors > 0) {
      const rlimit limit{.rlim_cur = descriptors, .rlim_max = descriptors};
      ::setrlimit(RLIMIT_NOFILE, &limit);
    }
    ::dup2(out, STDOUT_FILENO);
    ::dup2(err, STDERR_FILENO);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  return pid;
}

int exit_status(int wait_status) {
  return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
}

// 0 for a Unix socket.
std::uint16_t port_in(const std::string& address) {
  std::uint16_t port = 0;
  const std::size_t colon = address.rfind(':');
  if (!address.starts_with("unix:")) {
    std::from_chars(address.data() + colon + 1, address.data() + address.size(), port);
  }
  return port;
}

std::string read_to_end(int fd) {
  std::string all;
  std::array<char, 4096> buffer{};
  for (;;) {
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) { continue; }
    if (got <= 0) { return all; }
    all.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace

// --- TemporaryFolder -------------------------------------------------------------------------------------------------

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "bascule-test-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) { throw std::runtime_error("mkdtemp"); }
  folder_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::string TemporaryFolder::write(const std::string& name, const std::string& text) const {
  std::ofstream(folder_ / name) << text;
  return path(name);
}

bool eventually(const std::function<bool()>& is_so) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!is_so()) {
    if (std::chrono::steady_clock::now() > deadline) { return false; }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

// --- BasculeProcess --------------------------------------------------------------------------------------------------

BasculeProcess::BasculeProcess(const std::string& rules, unsigned workers, unsigned descriptors) {
  rules_file_ = folder_.write("rules.yaml", rules);
  serve({rules_file_}, workers, descriptors);
}

BasculeProcess::BasculeProcess(const std::vector<std::string>& paths) {
  serve(paths, 2, 0);
}

void BasculeProcess::serve(const std::vector<std::string>& paths, unsigned workers, unsigned descriptors) {
  std::vector<std::string> words{"serve", "--workers", std::to_string(workers)};
  words.insert(words.end(), paths.begin(), paths.end());
  Pipe log;
  pid_ = start(words, STDOUT_FILENO, log.write.get(), descriptors);
  log.write.reset();
  reader_ = std::thread([this, from = std::move(log.read)]() mutable { read_log(std::move(from)); });
  line([](const Json& line) { return line.value("event", "") == "ready"; });
  const Json listening = line([](const Json& line) { return line.value("event", "") == "listening"; });
  port_ = port_in(listening.at("address"));
}

BasculeProcess::~BasculeProcess() {
  if (!waited_) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  reader_.join();
}

void BasculeProcess::read_log(OwnedFd from) {
  std::string rest;
  std::array<char, 65536> buffer{};
  for (;;) {
    const ssize_t got = ::read(from.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) { continue; }
    const std::lock_guard lock(mutex_);
    if (got <= 0) {
      log_ended_ = true;
      came_.notify_all();
      return;
    }
    rest.append(buffer.data(), static_cast<std::size_t>(got));
    for (std::size_t end = rest.find('\n'); end != std::string::npos; end = rest.find('\n')) {
      const std::string text = rest.substr(0, end);
      rest.erase(0, end + 1);
      // What is no JSON is a sanitizer's report: kept, so that a failing test shows it.
      Json line = Json::parse(text, nullptr, false);
      if (!line.is_object()) {
        line = {{"event", "not_json"}, {"text", text}};
        fmt::print(stderr, "bascule: {}\n", text);
      }
      ++counts_[line.value("event", "")];
      lines_.push_back(std::move(line));
    }
    came_.notify_all();
  }
}

BasculeProcess::Json BasculeProcess::line(const std::function<bool(const Json&)>& fits) {
  std::unique_lock lock(mutex_);
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (std::size_t at = 0;;) {
    for (; at < lines_.size(); ++at) {
      if (fits(lines_[at])) { return lines_[at]; }
    }
    if (log_ended_) { throw std::runtime_error("the log ended without the line"); }
    if (came_.wait_until(lock, deadline) == std::cv_status::timeout) {
      throw std::runtime_error("the log line does not come; the last one is " +
                               (lines_.empty() ? "none" : lines_.back().dump()));
    }
  }
}

BasculeProcess::Json BasculeProcess::record(const std::string& route) {
  return line([&route](const Json& line) { return line.contains("phase") && line.value("route", "") == route; });
}

std::vector<BasculeProcess::Json> BasculeProcess::lines() {
  const std::lock_guard lock(mutex_);
  return lines_;
}

std::size_t BasculeProcess::count(const std::string& event) {
  const std::lock_guard lock(mutex_);
  return counts_[event];
}

std::string BasculeProcess::address(const std::string& listener) {
  return line([&listener](const Json& line) {
           return line.value("event", "") == "listening" && line.value("listener", "") == listener;
         })
      .at("address");
}

std::uint16_t BasculeProcess::port_of(const std::string& listener) {
  return port_in(address(listener));
}

void BasculeProcess::write_rules(const std::string& rules) const {
  std::filesystem::rename(folder_.write("rules.new", rules), rules_file_);
}

void BasculeProcess::reload(const std::string& rules) {
  const auto told = [this] { return count("reloaded") + count("reload_failed"); };
  write_rules(rules);
  const std::size_t before = told();
  signal(SIGHUP);
  if (!eventually([&] { return told() > before; })) { throw std::runtime_error("it does not reload"); }
}

void BasculeProcess::signal(int number) const {
  ::kill(pid_, number);
}

int BasculeProcess::wait_for_exit() {
  // Its log ends when it does; that wait is bounded, waitpid is not.
  std::unique_lock lock(mutex_);
  if (!came_.wait_for(lock, patience, [this] { return log_ended_; })) { throw std::runtime_error("it does not end"); }
  lock.unlock();
  int status = 0;
  ::waitpid(pid_, &status, 0);
  waited_ = true;
  return exit_status(status);
}

std::size_t BasculeProcess::memory_kib(const std::string& field) const {
  std::ifstream status(fmt::format("/proc/{}/status", pid_));
  for (std::string text; std::getline(status, text);) {
    if (text.starts_with(field + ":")) { return std::stoul(text.substr(field.size() + 1)); }
  }
  throw std::runtime_error("no " + field);
}

std::size_t BasculeProcess::descriptors() const {
  const std::filesystem::directory_iterator all(fmt::format("/proc/{}/fd", pid_));
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

bool BasculeProcess::sanitized() {
  static const bool has_a_sanitizer = [] {
    std::ifstream file(binary(), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    return bytes.find("__asan_init") != std::string::npos || bytes.find("__tsan_init") != std::string::npos;
  }();
  return has_a_sanitizer;
}

BasculeProcess::Ran BasculeProcess::run(const std::vector<std::string>& arguments) {
  Pipe out;
  Pipe err;
  const int pid = start(arguments, out.write.get(), err.write.get(), 0);
  out.write.reset();
  err.write.reset();
  Ran ran{};
  // Both are short here: neither fills a pipe while the other is read.
  ran.out = read_to_end(out.read.get());
  ran.err = read_to_end(err.read.get());
  int status = 0;
  ::waitpid(pid, &status, 0);
  ran.status = exit_status(status);
  return ran;
}

}  // namespace bascule::test
