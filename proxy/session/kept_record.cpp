#include "proxy/session/kept_record.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <string>

namespace bascule::session {

using observe::SessionRecord;

namespace {

using Length = std::uint32_t;  // a head and all that it says is far shorter

constexpr std::array kept_texts{&SessionRecord::listener, &SessionRecord::route,   &SessionRecord::user,
                                &SessionRecord::proof,    &SessionRecord::service, &SessionRecord::host,
                                &SessionRecord::path,     &SessionRecord::origin,  &SessionRecord::subprotocol};

std::unique_ptr<char[]> packed_texts(const SessionRecord& record) {
  std::size_t bytes = 0;
  for (const auto text : kept_texts) { bytes += sizeof(Length) + (record.*text).size(); }
  auto texts = std::make_unique<char[]>(bytes);
  char* to = texts.get();
  for (const auto text : kept_texts) {
    const std::string& from = record.*text;
    const auto length = static_cast<Length>(from.size());
    std::memcpy(to, &length, sizeof length);
    to = std::copy(from.begin(), from.end(), to + sizeof length);
  }
  return texts;
}

void unpack_texts(const char* texts, SessionRecord& record) {
  for (const auto text : kept_texts) {
    Length length = 0;
    std::memcpy(&length, texts, sizeof length);
    (record.*text).assign(texts + sizeof length, length);
    texts += sizeof length + length;
  }
}

}  // namespace

KeptRecord::KeptRecord(const SessionRecord& record)
    : id_(record.id),
      client_(record.client),
      tls_(record.tls),
      began_(record.began),
      began_at_(record.began_at),
      dial_took_(record.dial_took),
      texts_(packed_texts(record)) {
  assert(!record.refused());
}

SessionRecord KeptRecord::unpacked() const {
  SessionRecord record;
  record.id = id_;
  record.client = client_;
  record.tls = tls_;
  record.began = began_;
  record.began_at = began_at_;
  record.dial_took = dial_took_;
  unpack_texts(texts_.get(), record);
  return record;
}

}  // namespace bascule::session
