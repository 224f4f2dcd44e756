// Have files changed, and are they done changing? For `process.watch`, and for tables.
//
// Looking again and again costs a stat a file; it works on every file system, through symbolic links that are swapped
// as a whole, and needs nothing to be kept open, nor anything to be kept of a file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "proxy/base/time.hpp"

namespace bascule::app {

class FileWatch {
 public:
  // `paths`: files, and folders, of which every entry counts. What is there now is what is known: make the watch first,
  // then read the files, or a change between the two goes unseen.
  explicit FileWatch(std::vector<std::string> paths);

  // Looks. True once a change, when it found the same twice in a row: an editor or a copy that is still writing is
  // waited for, but no longer than two seconds after the change was first seen, for some files never rest. A file that
  // is gone, or comes, is a change.
  bool changed_and_settled(TimePoint now);

  // So that whoever looks at a folder of many thousands can do so less often.
  Duration last_look_took() const { return last_look_took_; }

 private:
  std::uint64_t look();

  std::vector<std::string> paths_;
  Duration last_look_took_{};
  std::uint64_t known_;
  std::uint64_t last_;
  std::optional<TimePoint> changed_at_;  // when another than the known was first seen
};

}  // namespace bascule::app
