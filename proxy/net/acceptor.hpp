// Takes visitors from one listening socket, and survives what can go wrong with that.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

#include "proxy/base/address.hpp"
#include "proxy/base/owned_fd.hpp"
#include "proxy/net/loop.hpp"

namespace bascule::net {

class Acceptor final : private Pollable, private Timer {
 public:
  using OnVisitor = std::function<void(OwnedFd socket, const Address& client)>;
  // Told at most once in five seconds, with errno, when visitors cannot be taken for want of descriptors or memory.
  using OnShortage = std::function<void(int error)>;

  Acceptor(Loop& loop, OwnedFd listening, OnVisitor on_visitor, OnShortage on_shortage);
  ~Acceptor() override;

 private:
  void on_events(std::uint32_t events) override;
  void on_time(TimePoint now) override;
  void pause(int error);

  Loop& loop_;
  OwnedFd listening_;
  OnVisitor on_visitor_;
  OnShortage on_shortage_;
  std::chrono::milliseconds pause_{0};
  TimePoint resume_at_ = TimePoint::min();
  TimePoint complain_at_ = TimePoint::min();
};

}  // namespace bascule::net
