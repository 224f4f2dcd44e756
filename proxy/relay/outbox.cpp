#include "proxy/relay/outbox.hpp"

#include <utility>

namespace bascule::relay {

void Outbox::append(Budget& budget, Bytes bytes) {
  if (bytes.empty()) { return; }
  if (!held_) { held_ = std::make_unique<Held>(Held{.budget = budget}); }
  std::vector<std::uint8_t>& held = held_->bytes;
  // One that is never quite empty must not keep all it ever sent.
  held.erase(held.begin(), held.begin() + static_cast<std::ptrdiff_t>(std::exchange(held_->sent, 0)));
  held.insert(held.end(), bytes.begin(), bytes.end());
  budget.grew(bytes.size());
}

void Outbox::append(Budget& budget, Pipe& pipe) {
  const std::size_t count = pipe.holds();
  if (count == 0) { return; }
  if (!held_) { held_ = std::make_unique<Held>(Held{.budget = budget}); }
  const std::size_t before = held_->bytes.size();
  held_->bytes.resize(before + count);
  budget.grew(count);
  pipe.read(MutableBytes(held_->bytes).subspan(before));
}

void Outbox::clear() {
  if (held_) { held_->budget.shrank(size()); }
  held_.reset();
}

IoResult Outbox::flush(Stream& stream, Then then) {
  std::size_t taken = 0;
  while (!empty()) {
    const Bytes rest = Bytes(held_->bytes).subspan(held_->sent);
    const IoResult written = then == Then::end ? stream.write_last(rest) : stream.write(rest);
    if (written.status != Io::bytes) { return taken > 0 && written.waits() ? IoResult::moved(taken) : written; }
    taken += written.bytes;
    held_->sent += written.bytes;
    held_->budget.shrank(written.bytes);
    if (size() == 0) { clear(); }
  }
  return IoResult::moved(taken);
}

}  // namespace bascule::relay
