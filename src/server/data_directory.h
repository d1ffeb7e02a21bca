#pragma once

// The data directory: one server at a time, entered by nobody else. Where everything in it lies is said here.

#include <filesystem>
#include <optional>
#include <sys/types.h>

#include "base/fd.h"
#include "base/result.h"
#include "server/config.h"

namespace entrepot::server {

/// What lies where; reading it needs no lock.
class DataLayout {
 public:
  explicit DataLayout(std::filesystem::path root) : root_(std::move(root)) {}

  const std::filesystem::path& root() const { return root_; }
  std::filesystem::path lock() const { return root_ / "lock"; }
  std::filesystem::path database() const { return root_ / "entrepot.db"; }
  std::filesystem::path blobs() const { return root_ / "blobs"; }
  std::filesystem::path archive() const { return root_ / "archive"; }
  std::filesystem::path keys() const { return root_ / "keys"; }
  std::filesystem::path tls() const { return root_ / "tls"; }
  std::filesystem::path tls_authority() const { return tls() / "ca.crt"; }
  std::filesystem::path credentials() const { return root_ / "credentials"; }
  std::filesystem::path aws_config() const { return root_ / "aws-config"; }
  std::filesystem::path reserve() const { return root_ / "reserve"; }
  std::filesystem::path admin_socket() const { return root_ / "admin.sock"; }

 private:
  std::filesystem::path root_;
};

/// A data directory that this process holds the lock of, until the end of the object or of the process.
class DataDirectory {
 public:
  /// Creates the directory (mode 0700) where it is missing, and locks it. An ephemeral one is made under
  /// $TMPDIR or /tmp and removed with the object. kConfiguration says what to mend: it cannot be created or
  /// written, belongs to someone else, holds other files, or another server has it (fact "pid").
  static Result<DataDirectory> Open(const Config& config);

  DataDirectory(DataDirectory&&) noexcept = default;
  DataDirectory& operator=(DataDirectory&&) = delete;
  ~DataDirectory();

  const DataLayout& layout() const { return layout_; }

 private:
  DataDirectory(std::filesystem::path root, UniqueFd lock, bool ephemeral)
      : layout_(std::move(root)), lock_(std::move(lock)), ephemeral_(ephemeral) {}

  DataLayout layout_;
  UniqueFd lock_;
  bool ephemeral_;
};

/// The process that holds the lock of a data directory, or nothing when it is free or was never used.
std::optional<pid_t> LockHolder(const DataLayout& layout);

}  // namespace entrepot::server
