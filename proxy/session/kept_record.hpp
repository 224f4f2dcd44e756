// A session's record while the session lives: only what its beginning has told, in one block that is no larger than
// that. Most sessions rest, for hours, and a SessionRecord of theirs would take 600 bytes and more.
#pragma once

#include <memory>

#include "proxy/observe/record.hpp"

namespace bascule::session {

class KeptRecord {
 public:
  // Of a session that was served. How it ends and what passes is not kept, for that is to come.
  explicit KeptRecord(const observe::SessionRecord& record);

  observe::SessionRecord unpacked() const;

 private:
  std::unique_ptr<char[]> packed_;
};

}  // namespace bascule::session
