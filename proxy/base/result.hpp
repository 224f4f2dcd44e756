// A value, or the reason why there is none. Expected things (a peer that hangs up, a bad head) travel this way.
#pragma once

#include <cassert>
#include <type_traits>
#include <utility>
#include <variant>

namespace bascule {

template <typename T, typename E>
class [[nodiscard]] Result {
  static_assert(!std::is_same_v<T, E>, "a value and a reason must be told apart by their types");

 public:
  Result(T value) : either_(std::in_place_index<0>, std::move(value)) {}
  Result(E reason) : either_(std::in_place_index<1>, std::move(reason)) {}

  bool ok() const { return either_.index() == 0; }
  explicit operator bool() const { return ok(); }

  // REQUIRES: ok().
  T& operator*() {
    assert(ok());
    return *std::get_if<0>(&either_);
  }
  const T& operator*() const {
    assert(ok());
    return *std::get_if<0>(&either_);
  }
  T* operator->() { return &**this; }
  const T* operator->() const { return &**this; }

  // REQUIRES: !ok().
  const E& error() const {
    assert(!ok());
    return *std::get_if<1>(&either_);
  }
  E& error() {
    assert(!ok());
    return *std::get_if<1>(&either_);
  }

 private:
  std::variant<T, E> either_;
};

}  // namespace bascule
