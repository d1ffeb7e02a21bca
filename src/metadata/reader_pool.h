#pragma once

// The connections that reads run on. Safe from any thread.

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "base/result.h"
#include "metadata/sql/connection.h"

namespace entrepot::metadata {

class ReaderPool final : public sql::ReaderGate {
 public:
  /// `wait_limit`: how long a read waits for a connection, and the gate for the reads that run.
  ReaderPool(std::vector<std::unique_ptr<sql::Connection>> connections, std::chrono::milliseconds wait_limit);

  /// Runs `closure` in one read transaction.
  Result<> Run(const std::function<Result<>(sql::Session&)>& closure);

  bool Close() override;
  void Open() override;

 private:
  class Lease;
  sql::Connection* Take();  // null when none became free in time
  void Return(sql::Connection* connection);

  const std::vector<std::unique_ptr<sql::Connection>> connections_;
  const std::chrono::milliseconds wait_limit_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::condition_variable idle_;        // for the gate
  std::vector<sql::Connection*> free_;  // the last one used on top: its cache is warm
  bool closed_ = false;
};

}  // namespace entrepot::metadata
