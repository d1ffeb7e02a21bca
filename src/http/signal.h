#pragma once

// The one place where a connection's coroutine waits for what is not its socket: a worker's result, a block
// given back, memory granted. Like a condition variable, it is waited for in a loop round a condition.
// Belongs to its loop.

#include <functional>
#include <utility>

#include "http/asio.h"

namespace entrepot::http {

class Signal {
 public:
  explicit Signal(Executor executor) : executor_(executor) {}

  /// Returns at once when Notify was called since the last Wait.
  Awaitable<void> Wait() {
    if (!std::exchange(notified_, false)) {
      co_await asio::async_initiate<const asio::use_awaitable_t<Executor>, void()>(
          [this](auto handler) { waiter_ = std::move(handler); }, kToken);
      notified_ = false;
    }
  }

  /// The waiting coroutine goes on in a later turn of the loop, never inside this call.
  void Notify() {
    if (std::exchange(notified_, true) || !waiter_) return;
    asio::post(executor_, std::exchange(waiter_, nullptr));
  }

 private:
  static constexpr asio::use_awaitable_t<Executor> kToken{};
  Executor executor_;
  std::move_only_function<void()> waiter_;
  bool notified_ = false;
};

}  // namespace entrepot::http
