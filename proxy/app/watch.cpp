#include "proxy/app/watch.hpp"

#include <dirent.h>
#include <sys/stat.h>

#include <array>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>

namespace bascule::app {

namespace {

using namespace std::chrono_literals;

constexpr auto patience = 2s;

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

// A number for what is seen of a file: not the same for another one in its place, or for itself once it has changed.
// Times of the inode count, too: a file that may be read now is a change. `found`: null where there is none for us.
std::uint64_t fingerprint(std::size_t path, std::string_view entry, const struct stat* found) {
  const auto number = [](auto value) { return static_cast<std::uint64_t>(value); };
  std::array<std::uint64_t, 9> seen{number(path), std::hash<std::string_view>()(entry)};
  if (found != nullptr) {
    seen = {seen[0],
            seen[1],
            number(found->st_dev),
            number(found->st_ino),
            number(found->st_size),
            number(found->st_mtim.tv_sec),
            number(found->st_mtim.tv_nsec),
            number(found->st_ctim.tv_sec),
            number(found->st_ctim.tv_nsec)};
  }
  const std::string_view bytes(reinterpret_cast<const char*>(seen.data()), sizeof seen);
  return std::hash<std::string_view>()(bytes);
}

// The sum over all that is in a folder, for its entries come in any order. A folder that goes away between two steps is
// found changed by the next look; there is nothing to report.
std::uint64_t fingerprint_of_entries(std::size_t path, const char* folder_path) {
  std::uint64_t sum = 0;
  const std::unique_ptr<DIR, CloseFolder> folder(::opendir(folder_path));
  if (!folder) { return sum; }
  while (const dirent* entry = ::readdir(folder.get())) {
    const std::string_view name(&entry->d_name[0]);
    if (name == "." || name == "..") { continue; }
    struct stat found {};
    const bool there = ::fstatat(::dirfd(folder.get()), name.data(), &found, 0) == 0;
    sum += fingerprint(path, name, there ? &found : nullptr);
  }
  return sum;
}

}  // namespace

FileWatch::FileWatch(std::vector<std::string> paths) : paths_(std::move(paths)), known_(look()), last_(known_) {}

// One number for everything.
std::uint64_t FileWatch::look() {
  const TimePoint began = Clock::now();
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < paths_.size(); ++i) {
    const char* const path = paths_[i].c_str();
    struct stat found {};
    const bool there = ::stat(path, &found) == 0;
    sum += fingerprint(i, {}, there ? &found : nullptr);
    if (there && S_ISDIR(found.st_mode)) { sum += fingerprint_of_entries(i, path); }
  }
  last_look_took_ = Clock::now() - began;
  return sum;
}

bool FileWatch::changed_and_settled(TimePoint now) {
  const std::uint64_t seen = look();
  const bool settled = std::exchange(last_, seen) == seen;
  if (seen == known_) {
    changed_at_.reset();
    return false;
  }
  if (!changed_at_) { changed_at_ = now; }
  if (!settled && now < *changed_at_ + patience) { return false; }
  known_ = seen;
  changed_at_.reset();
  return true;
}

}  // namespace bascule::app
