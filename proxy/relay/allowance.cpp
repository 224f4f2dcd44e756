#include "proxy/relay/allowance.hpp"

#include <algorithm>
#include <cassert>

#include "proxy/relay/workbench.hpp"

namespace bascule::relay {

using namespace std::chrono_literals;
using policy::Rate;

namespace {

// A slow rate is no reason to wake up for every byte. A frame is worth it.
constexpr std::size_t batch_bytes = std::size_t{16} * 1024;

// What a read brought too much is waited for no longer than this. How large frames are has to be guessed, and a read
// may bring ten thousand where a hundred were expected: who sent them is not read from for that long, and is cheap, but
// paid for in full they would keep us from seeing for minutes that he is gone.
constexpr auto debt_max = 2s;

// The time that so many take up, rounded up. One read has at most 2^18 of anything, an hour 2^42 nanoseconds.
Duration time_for(const Rate& rate, std::size_t count) {
  const auto per = static_cast<std::uint64_t>(Duration(rate.per).count());
  return Duration((count * per + rate.count - 1) / rate.count);
}

}  // namespace

std::size_t Allowance::batch(const Rate& rate) const {
  return of_ == Of::frames ? 1 : static_cast<std::size_t>(std::min<std::uint64_t>(rate.count, batch_bytes));
}

TimePoint Allowance::paid_until(const Rate& rate, TimePoint now) const {
  return std::max(paid_until_, now - Duration(rate.per));  // what was not used for longer is lost
}

TimePoint Allowance::worth_reading_at(const Rate& rate) const {
  return paid_until_ + time_for(rate, batch(rate));
}

std::size_t Allowance::read_bytes_at(const Rate& rate, std::size_t most, TimePoint now) const {
  const Duration credit = now - paid_until(rate, now);
  const std::size_t enough = most / bytes_each_ + 1;
  // The usual case, at the price of a division: half of a generous rate is left, and more than `most` brings.
  if (enough <= rate.count / 2 && credit >= Duration(rate.per) / 2) { return most; }
  std::size_t left = enough;
  if (credit < time_for(rate, enough)) {
    const auto passed = static_cast<std::uint64_t>(std::max(credit, Duration(0)).count());
    left = static_cast<std::size_t>(passed * rate.count / static_cast<std::uint64_t>(Duration(rate.per).count()));
  }
  return std::min(most, std::max(left, batch(rate)) * bytes_each_);
}

void Allowance::take_at(const Rate& rate, std::size_t count, std::size_t bytes, TimePoint now) {
  assert(count <= Workbench::read_bytes);
  if (of_ == Of::frames) {
    // Within a large frame every read is twice the last, so that a wrong guess costs a few of them.
    const std::size_t each = count > 0 ? bytes / count : std::size_t{2} * std::max<std::size_t>(bytes_each_, bytes);
    bytes_each_ = static_cast<std::uint32_t>(std::clamp<std::size_t>(each, 1, Workbench::read_bytes));
  }
  if (count == 0) { return; }
  paid_until_ = std::min(paid_until(rate, now) + time_for(rate, count), now + debt_max);
  used_up_ = now < paid_until_ + time_for(rate, 1);
}

}  // namespace bascule::relay
