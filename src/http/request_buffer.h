#pragma once

// The memory of one request in progress: the bytes of its head and what arrived behind them, the parser whose
// views point into them, who asks, and the head of its answer. A connection has one only between the first
// byte of a request and the end of its answer; idle connections have none.

#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/check.h"
#include "http/head_parser.h"

namespace entrepot::http {

class RequestBuffer {
 public:
  RequestBuffer(std::size_t capacity, std::size_t most_fields)
      : parser(most_fields), capacity_(capacity), memory_(std::make_unique_for_overwrite<char[]>(capacity)) {}

  /// What has arrived and was not consumed.
  std::string_view pending() const { return {memory_.get() + begin_, end_ - begin_}; }
  bool empty() const { return begin_ == end_; }
  void Consume(std::size_t count) { begin_ += count; }

  /// Room behind the pending bytes. Filling it moves nothing: views of a head stay valid.
  MutableBytes space() { return {reinterpret_cast<std::uint8_t*>(memory_.get()) + end_, capacity_ - end_}; }
  void Filled(std::size_t count) { end_ += count; }
  bool TryAppend(Bytes bytes) {
    if (bytes.size() > capacity_ - end_) return false;
    std::memcpy(memory_.get() + end_, bytes.data(), bytes.size());
    end_ += bytes.size();
    return true;
  }

  /// Moves what is pending to the front, where a whole head has room; views of earlier heads end here.
  void Compact() {
    std::memmove(memory_.get(), memory_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  void Clear() { begin_ = end_ = 0; }

  HeadParser parser;
  Peer asker;  // of the request in progress
  std::string answer_head;

 private:
  const std::size_t capacity_;
  const std::unique_ptr<char[]> memory_;
  std::size_t begin_ = 0, end_ = 0;
};

}  // namespace entrepot::http
