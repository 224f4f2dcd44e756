#include "proxy/relay/outbox.hpp"

namespace bascule::relay {

void Outbox::append(Bytes bytes) {
  // One that is never quite empty must not keep all it ever sent.
  bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(sent_));
  sent_ = 0;
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  bench_.budget().grew(bytes.size());
}

void Outbox::append(Pipe& pipe) {
  const std::size_t before = bytes_.size();
  const std::size_t count = pipe.holds();
  bytes_.resize(before + count);
  pipe.read(MutableBytes(bytes_).subspan(before));
  bench_.budget().grew(count);
}

void Outbox::clear() {
  bench_.budget().shrank(size());
  std::vector<std::uint8_t>().swap(bytes_);  // clear() alone would keep the memory
  sent_ = 0;
}

IoResult Outbox::flush(Stream& stream, Then then) {
  std::size_t taken = 0;
  while (!empty()) {
    const Bytes rest = Bytes(bytes_).subspan(sent_);
    const IoResult written = then == Then::end ? stream.write_last(rest) : stream.write(rest);
    if (written.status != Io::bytes) { return taken > 0 && written.waits() ? IoResult::moved(taken) : written; }
    taken += written.bytes;
    sent_ += written.bytes;
    bench_.budget().shrank(written.bytes);
    if (sent_ == bytes_.size()) { clear(); }
  }
  return IoResult::moved(taken);
}

}  // namespace bascule::relay
