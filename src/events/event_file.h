#pragma once

// Events as lines of JSON in a file, which is set aside once it is large enough: events.jsonl, then
// events.jsonl.1 and so on, the highest the oldest. A line counts as written once it is synced.

#include <filesystem>

#include "base/fd.h"
#include "events/receiver.h"

namespace entrepot::events {

class EventFile final : public Receiver {
 public:
  struct Settings {
    std::filesystem::path path;
    std::uint64_t rotate_at = 0;  // bytes; a file is never made longer, unless one event is
    int keep = 0;                 // files that were set aside
  };
  explicit EventFile(Settings settings) : settings_(std::move(settings)) {}

  metadata::EventReceiver id() const override { return metadata::EventReceiver::kFile; }
  std::chrono::seconds patience() const override { return std::chrono::seconds(30); }
  void Deliver(std::span<Attempt> attempts) override;

 private:
  Result<> Append(std::string_view lines);
  Result<UniqueFd> Open();
  Result<> Rotate();

  const Settings settings_;
};

}  // namespace entrepot::events
