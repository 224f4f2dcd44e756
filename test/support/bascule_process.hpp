// The real binary, started by a test: on rules written for it, on a port the system chose, its log read as it comes.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "proxy/base/owned_fd.hpp"

namespace bascule::test {

// A folder that goes away with the test.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  std::string write(const std::string& name, const std::string& text) const;  // gives its path

 private:
  std::filesystem::path folder_;
};

// For what nothing announces: looks again and again until it is so. False when patience is over first.
bool eventually(const std::function<bool()>& is_so);

class BasculeProcess {
 public:
  using Json = nlohmann::json;

  // Waits until it is ready. `descriptors`: RLIMIT_NOFILE for it; 0: as it is.
  explicit BasculeProcess(const std::string& rules, unsigned workers = 2, unsigned descriptors = 0);
  // The same on files and folders that are there already.
  explicit BasculeProcess(const std::vector<std::string>& paths);
  ~BasculeProcess();
  BasculeProcess(const BasculeProcess&) = delete;
  BasculeProcess& operator=(const BasculeProcess&) = delete;

  std::uint16_t port() const { return port_; }  // of the first listener
  std::string address(const std::string& listener);
  std::uint16_t port_of(const std::string& listener);

  // Puts other rules into the place of the file, in one step, and has them read: by SIGHUP, as the log then tells.
  const std::string& rules_file() const { return rules_file_; }
  void write_rules(const std::string& rules) const;
  void reload(const std::string& rules);  // returns when it is done, for good or bad
  int pid() const { return pid_; }

  void signal(int number) const;
  int wait_for_exit();  // its exit status; 128 + signal if it was killed; throws when it does not end

  // The first log line, since the start, that fits; waits for it, and throws when it does not come.
  Json line(const std::function<bool(const Json&)>& fits);
  Json record(const std::string& route);  // of the first session or refusal of that route
  std::vector<Json> lines();              // all that have come
  std::size_t count(const std::string& event);

  std::size_t memory_kib(const std::string& field) const;  // of /proc/PID/status: "VmRSS", "VmHWM"
  std::size_t descriptors() const;

  // What a sanitizer keeps beside each byte, and what it keeps of freed memory, is not bascule's: a test of memory is
  // held to the letter only where this is false. (scripts/test runs these tests with the release binary, too.)
  static bool sanitized();

  // Runs the binary to its end.
  struct Ran {
    int status;
    std::string out;
    std::string err;
  };
  static Ran run(const std::vector<std::string>& arguments);

 private:
  void serve(const std::vector<std::string>& paths, unsigned workers, unsigned descriptors);
  void read_log(OwnedFd from);

  TemporaryFolder folder_;
  std::string rules_file_;
  int pid_ = -1;
  bool waited_ = false;
  std::uint16_t port_ = 0;
  std::mutex mutex_;
  std::condition_variable came_;
  std::vector<Json> lines_;
  std::map<std::string, std::size_t> counts_;  // of lines, by their event: asked again and again, of many thousands
  bool log_ended_ = false;
  std::thread reader_;
};

}  // namespace bascule::test
