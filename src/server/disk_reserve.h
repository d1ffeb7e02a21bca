#pragma once

// Space kept back for the day the disk is full: deletes and collection write to the database, and what they
// free comes back only behind those writes. While the reserve is given up, the registry takes in no layers.
//
// Used by one thread; given_up() is for any.

#include <atomic>
#include <cstdint>
#include <filesystem>

namespace entrepot::server {

class DiskReserve {
 public:
  /// A file of `bytes` at `path`, on the disk of the database, and of no more than a 32nd of that disk; 0 =
  /// keep nothing back.
  DiskReserve(std::filesystem::path path, std::uint64_t bytes);

  /// Gives the reserve up when less than half its size is free besides it, and takes it back when three times
  /// its size is: between the two nothing changes.
  void Tend();
  bool given_up() const { return given_up_; }

 private:
  bool Take();

  const std::filesystem::path path_;
  const std::uint64_t bytes_;
  std::atomic<bool> given_up_ = false;
};

}  // namespace entrepot::server
