#include "http/source_budget.h"

#include <functional>
#include <string_view>

#include "base/check.h"

namespace entrepot::http {

bool SourceBudget::TryTake(const IpAddress& source, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  const auto [taken, fresh] = taken_.try_emplace(source, 0);
  if (bytes > each_ - taken->second) {
    if (fresh) taken_.erase(taken);
    return false;
  }
  taken->second += bytes;
  return true;
}

void SourceBudget::Give(const IpAddress& source, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  const auto taken = taken_.find(source);
  CHECK(taken != taken_.end() && taken->second >= bytes);
  if ((taken->second -= bytes) == 0) taken_.erase(taken);
}

std::size_t SourceBudget::sources() const {
  const std::lock_guard lock(mutex_);
  return taken_.size();
}

std::size_t SourceBudget::Hash::operator()(const IpAddress& address) const {
  const auto& octets = address.octets();
  return std::hash<std::string_view>()({reinterpret_cast<const char*>(octets.data()), octets.size()});
}

}  // namespace entrepot::http
