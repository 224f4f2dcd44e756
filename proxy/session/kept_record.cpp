#include "proxy/session/kept_record.hpp"

#include <array>
#include <cassert>
#include <cstring>
#include <string>
#include <type_traits>

namespace bascule::session {

using observe::SessionRecord;

namespace {

constexpr std::array kept_texts{&SessionRecord::listener, &SessionRecord::route,   &SessionRecord::user,
                                &SessionRecord::proof,    &SessionRecord::service, &SessionRecord::host,
                                &SessionRecord::path,     &SessionRecord::origin,  &SessionRecord::subprotocol};

using LongLength = std::uint32_t;  // a head and all that it says is far shorter
constexpr std::uint8_t long_length_follows = 255;

class Measure {
 public:
  void put(const void*, std::size_t count) { bytes_ += count; }
  std::size_t bytes() const { return bytes_; }

 private:
  std::size_t bytes_ = 0;
};

class Writer {
 public:
  explicit Writer(char* to) : to_(to) {}
  void put(const void* from, std::size_t count) {
    std::memcpy(to_, from, count);
    to_ += count;
  }

 private:
  char* to_;
};

template <typename Sink, typename Plain>
void put_plain(Sink& sink, const Plain& value) {
  static_assert(std::is_trivially_copyable_v<Plain>);
  sink.put(&value, sizeof value);
}

template <typename Sink>
void put_text(Sink& sink, const std::string& text) {
  if (text.size() < long_length_follows) {
    put_plain(sink, static_cast<std::uint8_t>(text.size()));
  } else {
    put_plain(sink, long_length_follows);
    put_plain(sink, static_cast<LongLength>(text.size()));
  }
  if (!text.empty()) { sink.put(text.data(), text.size()); }
}

template <typename Sink>
void put_address(Sink& sink, const Address& address) {
  put_plain(sink, address.family());
  switch (address.family()) {
    case Address::Family::none: break;
    case Address::Family::ipv4:
      sink.put(address.octets().data(), 4);
      put_plain(sink, address.port());
      break;
    case Address::Family::ipv6:
      put_plain(sink, address.octets());
      put_plain(sink, address.port());
      put_plain(sink, address.scope());
      break;
    case Address::Family::unix_path: put_text(sink, address.path()); break;
  }
}

template <typename Sink>
void put_record(Sink& sink, const SessionRecord& record) {
  put_plain(sink, record.id);
  put_plain(sink, record.tls);  // a constant: the view stays good
  put_plain(sink, record.began);
  put_plain(sink, record.began_at);
  put_plain(sink, record.dial_took);
  put_address(sink, record.client);
  for (const auto text : kept_texts) { put_text(sink, record.*text); }
}

class Reader {
 public:
  explicit Reader(const char* from) : from_(from) {}

  template <typename Plain>
  Plain plain() {
    Plain value{};
    std::memcpy(&value, from_, sizeof value);
    from_ += sizeof value;
    return value;
  }

  std::string text() {
    std::size_t length = plain<std::uint8_t>();
    if (length == long_length_follows) { length = plain<LongLength>(); }
    std::string text(from_, length);
    from_ += length;
    return text;
  }

  Address address() {
    switch (plain<Address::Family>()) {
      case Address::Family::none: break;
      case Address::Family::ipv4: {
        const auto octets = plain<std::array<std::uint8_t, 4>>();
        return Address::ipv4(octets, plain<std::uint16_t>());
      }
      case Address::Family::ipv6: {
        const auto octets = plain<std::array<std::uint8_t, 16>>();
        const auto port = plain<std::uint16_t>();
        return Address::ipv6(octets, port, plain<std::uint32_t>());
      }
      case Address::Family::unix_path: return Address::unix_path(text());
    }
    return {};
  }

 private:
  const char* from_;
};

}  // namespace

KeptRecord::KeptRecord(const SessionRecord& record) {
  assert(!record.refused());
  Measure measure;
  put_record(measure, record);
  packed_ = std::make_unique<char[]>(measure.bytes());
  Writer writer(packed_.get());
  put_record(writer, record);
}

SessionRecord KeptRecord::unpacked() const {
  Reader reader(packed_.get());
  SessionRecord record;
  record.id = reader.plain<std::uint64_t>();
  record.tls = reader.plain<std::string_view>();
  record.began = reader.plain<WallTime>();
  record.began_at = reader.plain<TimePoint>();
  record.dial_took = reader.plain<Duration>();
  record.client = reader.address();
  for (const auto text : kept_texts) { record.*text = reader.text(); }
  return record;
}

}  // namespace bascule::session
