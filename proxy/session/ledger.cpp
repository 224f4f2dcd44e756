#include "proxy/session/ledger.hpp"

#include <utility>

namespace bascule::session {

Seat& Seat::operator=(Seat&& other) noexcept {
  if (this != &other) {
    give_back();
    ledger_ = std::exchange(other.ledger_, nullptr);
    route_ = std::move(other.route_);
  }
  return *this;
}

void Seat::give_back() {
  if (ledger_ == nullptr) { return; }
  const std::lock_guard lock(ledger_->mutex_);
  --ledger_->sessions_;
  --*route_;
  ledger_ = nullptr;
}

Ledger::Taken Ledger::take(const std::string& route, std::optional<std::size_t> route_max) {
  const std::lock_guard lock(mutex_);
  if (sessions_ >= sessions_max_) { return {.seat = std::nullopt, .full = Full::process}; }
  auto& count = by_route_[route];
  if (!count) { count = std::make_shared<std::size_t>(0); }
  if (route_max && *count >= *route_max) { return {.seat = std::nullopt, .full = Full::route}; }
  ++sessions_;
  ++*count;
  return {.seat = Seat(*this, count)};
}

std::size_t Ledger::sessions() const {
  const std::lock_guard lock(mutex_);
  return sessions_;
}

}  // namespace bascule::session
