// A session's record while the session lives: only what its beginning has told, and all texts of it in one block. Most
// sessions rest, for hours, and a SessionRecord of theirs would take 600 bytes and more.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "proxy/base/address.hpp"
#include "proxy/base/time.hpp"
#include "proxy/observe/record.hpp"

namespace bascule::session {

class KeptRecord {
 public:
  // Of a session that was served. How it ends and what passes is not kept, for that is to come.
  explicit KeptRecord(const observe::SessionRecord& record);

  observe::SessionRecord unpacked() const;

 private:
  std::uint64_t id_;
  Address client_;
  std::string_view tls_;
  WallTime began_;
  TimePoint began_at_;
  Duration dial_took_;
  std::unique_ptr<char[]> texts_;  // one behind the other, each behind its length
};

}  // namespace bascule::session
