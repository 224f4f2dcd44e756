#include "test/bench/process_tree.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

namespace bascule::bench {
namespace {

// The fields of /proc/PID/stat behind the command's name, which may hold anything: proc(5) counts them from 3.
struct Stat {
  pid_t parent = 0;
  std::uint64_t reaped_ticks = 0;  // user and system time of children that were waited for
};

bool read_stat(pid_t pid, Stat& stat) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string line;
  if (!std::getline(file, line)) { return false; }
  std::istringstream fields(line.substr(line.rfind(')') + 1));
  std::string skipped;
  fields >> skipped >> stat.parent;
  constexpr int from_parent_to_cutime = 11;
  for (int i = 0; i < from_parent_to_cutime; ++i) { fields >> skipped; }
  std::uint64_t user = 0;
  std::uint64_t system = 0;
  fields >> user >> system;
  stat.reaped_ticks = user + system;
  return static_cast<bool>(fields);
}

std::chrono::nanoseconds cpu_clock(pid_t pid) {
  clockid_t clock{};
  timespec time{};
  // A member of the tree may end at any moment; its parent then counts it among the reaped.
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &time) != 0) { return {}; }
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

std::chrono::nanoseconds from_ticks(std::uint64_t ticks) {
  static const std::int64_t ticks_a_second = sysconf(_SC_CLK_TCK);
  return std::chrono::nanoseconds(static_cast<std::int64_t>(ticks) * (1'000'000'000 / ticks_a_second));
}

}  // namespace

std::vector<pid_t> ProcessTree::members() const {
  std::vector<std::pair<pid_t, pid_t>> parents;  // child, parent
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) { continue; }
    const pid_t pid = std::stoi(name);
    Stat stat;
    if (read_stat(pid, stat)) { parents.emplace_back(pid, stat.parent); }
  }
  std::vector<pid_t> members{root_};
  for (std::size_t i = 0; i < members.size(); ++i) {
    for (const auto& [child, parent] : parents) {
      if (parent == members[i]) { members.push_back(child); }
    }
  }
  return members;
}

std::chrono::nanoseconds ProcessTree::cpu() const {
  std::chrono::nanoseconds total{};
  for (const pid_t pid : members()) {
    Stat stat;
    if (read_stat(pid, stat)) { total += cpu_clock(pid) + from_ticks(stat.reaped_ticks); }
  }
  if (total.count() == 0) { throw std::runtime_error("the proxy is gone"); }
  return total;
}

std::uint64_t ProcessTree::memory() const {
  std::uint64_t kib = 0;
  for (const pid_t pid : members()) {
    std::ifstream file(fmt::format("/proc/{}/smaps_rollup", pid));
    std::string word;
    while (file >> word) {
      if (word != "Pss:") { continue; }
      std::uint64_t value = 0;
      file >> value;
      kib += value;
      break;
    }
  }
  if (kib == 0) { throw std::runtime_error("the proxy's memory cannot be read"); }
  return kib * 1024;
}

}  // namespace bascule::bench
