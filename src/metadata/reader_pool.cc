#include "metadata/reader_pool.h"

namespace entrepot::metadata {

class ReaderPool::Lease {
 public:
  explicit Lease(ReaderPool& pool) : pool_(pool), connection_(pool.Take()) {}
  Lease(const Lease&) = delete;
  ~Lease() {
    if (connection_ != nullptr) pool_.Return(connection_);
  }
  sql::Connection* connection() const { return connection_; }

 private:
  ReaderPool& pool_;
  sql::Connection* connection_;
};

ReaderPool::ReaderPool(std::vector<std::unique_ptr<sql::Connection>> connections,
                       std::chrono::milliseconds wait_limit)
    : connections_(std::move(connections)), wait_limit_(wait_limit) {
  for (const auto& connection : connections_) free_.push_back(connection.get());
}

Result<> ReaderPool::Run(const std::function<Result<>(sql::Session&)>& closure) {
  const Lease lease(*this);
  sql::Connection* connection = lease.connection();
  if (connection == nullptr) return Fail(ErrorCode::kUnavailable, "every reader of the store is busy");
  TRY(connection->Begin());
  Result<> outcome = closure(*connection);
  connection->Rollback();
  return outcome;
}

bool ReaderPool::Close() {
  std::unique_lock lock(mutex_);
  closed_ = true;
  return idle_.wait_for(lock, wait_limit_, [&] { return free_.size() == connections_.size(); });
}

void ReaderPool::Open() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = false;
  }
  changed_.notify_all();
}

sql::Connection* ReaderPool::Take() {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, wait_limit_, [&] { return !closed_ && !free_.empty(); })) return nullptr;
  sql::Connection* taken = free_.back();
  free_.pop_back();
  return taken;
}

void ReaderPool::Return(sql::Connection* connection) {
  {
    const std::lock_guard lock(mutex_);
    free_.push_back(connection);
    if (closed_) {
      if (free_.size() == connections_.size()) idle_.notify_all();
      return;
    }
  }
  changed_.notify_one();
}

}  // namespace entrepot::metadata
