#include "blobs/faulty_files.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <set>

#include "base/check.h"

namespace entrepot::blobs {
namespace {

constexpr std::size_t kBlock = 4096;
constexpr int kCallKinds = static_cast<int>(FaultyFiles::Call::kStatus) + 1;

std::string ParentOf(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  return slash == std::string::npos ? "." : path.substr(0, std::max<std::size_t>(slash, 1));
}

std::string Trimmed(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

/// What lies under a name: a directory, or a file and what of it is on the disk for certain.
struct Node {
  bool directory = false;
  ByteVector synced;
  bool sync_failed = false;
};
using Tree = std::map<std::string, std::shared_ptr<Node>>;

ByteVector ReadAll(const File& file) {
  ByteVector content(file.Status().value().size);
  content.resize(ReadFully(file, 0, content).value());
  return content;
}

struct Failure {
  int countdown = 0;
  int error = 0;
  /// The error, once the countdown has come to its end.
  std::optional<int> Count() {
    if (countdown == 0 || --countdown > 0) return std::nullopt;
    return error;
  }
};

}  // namespace

struct FaultyFiles::World {
  std::mutex mutex;
  PosixFiles real;
  Tree now, durable;
  std::uint64_t generation = 0;

  int calls = 0;
  std::array<int, kCallKinds> calls_of{};
  int stop_at = 0;
  bool stopped = false, failed = false;
  Failure next;
  std::array<Failure, kCallKinds> next_of;
  std::size_t write_limit = std::numeric_limits<std::size_t>::max();

  /// Counts a call; says whether it fails.
  SystemResult<> Enter(Call kind) {
    const auto index = static_cast<std::size_t>(kind);
    ++calls;
    ++calls_of[index];
    if (stop_at > 0 && --stop_at == 0) stopped = true;
    if (stopped) return std::unexpected(SystemError{EIO, "stopped"});
    const auto any = next.Count(), one = next_of[index].Count();
    if (!any && !one) return {};
    failed = true;
    return std::unexpected(SystemError{any ? *any : *one, "injected"});
  }

  /// A node for something that was there before this world looked: all of it durable.
  std::shared_ptr<Node> Adopt(const std::string& path, const File& file) {
    auto& node = now[path];
    if (!node) {
      node = std::make_shared<Node>();
      node->synced = ReadAll(file);
      durable[path] = node;
    }
    return node;
  }

  void SyncDirectory(const std::string& directory) {
    std::erase_if(durable, [&](const auto& entry) { return ParentOf(entry.first) == directory; });
    for (const auto& [path, node] : now)
      if (ParentOf(path) == directory) durable[path] = node;
  }

  void Crash(std::uint64_t seed);
  Tree Survivors(std::mt19937_64* random);
  ByteVector Content(const std::string& path, const Node& node, std::mt19937_64* random);
};

namespace {

bool Toss(std::mt19937_64* random) { return random != nullptr && ((*random)() & 1) != 0; }

/// Every tracked directory above must have survived too.
bool HasParents(const Tree& tree, const std::set<std::string>& directories, const std::string& path) {
  for (std::string parent = ParentOf(path); directories.contains(parent); parent = ParentOf(parent))
    if (!tree.contains(parent)) return false;
  return true;
}

}  // namespace

/// The names that are left: the durable ones, and with a seed some of those that were made or removed since.
Tree FaultyFiles::World::Survivors(std::mt19937_64* random) {
  std::set<std::string> directories;
  Tree left;
  for (const auto& [path, node] : durable) {
    if (node->directory) directories.insert(path);
    const auto current = now.find(path);
    const bool removed = current == now.end() || current->second != node;
    if (!removed || !Toss(random)) left.emplace(path, node);
  }
  for (const auto& [path, node] : now) {
    if (node->directory) directories.insert(path);
    if (!durable.contains(path) && Toss(random)) left.emplace(path, node);
  }
  std::erase_if(left, [&](const auto& entry) { return !HasParents(left, directories, entry.first); });
  return left;
}

/// What is left of a file: what was synced, and with a seed some of the blocks written since.
ByteVector FaultyFiles::World::Content(const std::string& path, const Node& node, std::mt19937_64* random) {
  const auto current_node = now.find(path);
  if (random == nullptr || current_node == now.end() || current_node->second.get() != &node)
    return node.synced;
  const ByteVector current = ReadAll(**real.Open(path, Access::kRead));
  ByteVector left(Toss(random) ? current.size() : node.synced.size());
  for (std::size_t at = 0; at < left.size(); at += kBlock) {
    const ByteVector& source = Toss(random) ? current : node.synced;
    const std::size_t length =
        std::min({kBlock, left.size() - at, source.size() - std::min(at, source.size())});
    std::copy_n(source.begin() + static_cast<std::ptrdiff_t>(std::min(at, source.size())), length,
                left.begin() + static_cast<std::ptrdiff_t>(at));
  }
  return left;
}

void FaultyFiles::World::Crash(std::uint64_t seed) {
  std::optional<std::mt19937_64> generator;
  if (seed != 0) generator.emplace(seed);
  std::mt19937_64* random = generator ? &*generator : nullptr;

  Tree left = Survivors(random);
  for (auto& [path, node] : left) {
    const bool directory = node->directory;
    ByteVector content = directory ? ByteVector() : Content(path, *node, random);
    node = std::make_shared<Node>(Node{directory, std::move(content)});
  }
  for (auto entry = now.rbegin(); entry != now.rend(); ++entry)  // what is deeper comes first
    (void)(entry->second->directory ? real.RemoveDirectory(entry->first) : real.Unlink(entry->first));
  for (const auto& [path, node] : left) {
    if (node->directory) {
      (void)real.MakeDirectory(path);
      continue;
    }
    const auto file = real.Create(path);
    CHECK(file.has_value() && WriteFully(**file, 0, node->synced).has_value());
  }
  now = left;
  durable = std::move(left);
  ++generation;
  calls = 0;
  calls_of = {};
  stop_at = 0;
  stopped = failed = false;
  next = {};
  next_of = {};
}

/// A file of the world that made it.
class FaultyFile final : public File {
 public:
  using Call = FaultyFiles::Call;
  FaultyFile(std::shared_ptr<FaultyFiles::World> world, std::unique_ptr<File> real,
             std::shared_ptr<Node> node)
      : world_(std::move(world)),
        real_(std::move(real)),
        node_(std::move(node)),
        generation_(world_->generation) {}

  SystemResult<std::size_t> ReadAt(std::uint64_t offset, MutableBytes out) const override {
    return Guarded<std::size_t>(Call::kRead, [&] { return real_->ReadAt(offset, out); });
  }
  SystemResult<std::size_t> WriteAt(std::uint64_t offset, Bytes bytes) override {
    return Guarded<std::size_t>(Call::kWrite, [&]() -> SystemResult<std::size_t> {
      if (direct_ && !IsAligned(offset, bytes)) return std::unexpected(SystemError{EINVAL, "pwrite"});
      return real_->WriteAt(offset, bytes.first(std::min(bytes.size(), world_->write_limit)));
    });
  }
  SystemResult<> Sync() override {
    const std::lock_guard lock(world_->mutex);
    const SystemResult<> entered = Enter(Call::kSync);
    if (!entered) {
      node_->sync_failed = true;
      return entered;
    }
    if (node_->sync_failed) return {};
    node_->synced = ReadAll(*real_);
    return {};
  }
  SystemResult<> Truncate(std::uint64_t size) override {
    return Guarded<void>(Call::kTruncate, [&] { return real_->Truncate(size); });
  }
  SystemResult<FileStatus> Status() const override {
    return Guarded<FileStatus>(Call::kStatus, [&] { return real_->Status(); });
  }
  SystemResult<> SetDirect(bool direct) override {
    const std::lock_guard lock(world_->mutex);
    direct_ = direct;
    return {};
  }
  void StartWriteback(std::uint64_t, std::uint64_t) override {}
  void DropCache(std::uint64_t, std::uint64_t) const override {}
  std::shared_ptr<const UniqueFd> descriptor() const override { return real_->descriptor(); }

 private:
  static bool IsAligned(std::uint64_t offset, Bytes bytes) {
    return offset % kBlock == 0 && bytes.size() % kBlock == 0 &&
           reinterpret_cast<std::uintptr_t>(bytes.data()) % kBlock == 0;
  }
  SystemResult<> Enter(Call kind) const {
    if (generation_ != world_->generation) return std::unexpected(SystemError{EIO, "crashed"});
    return world_->Enter(kind);
  }
  template <class T, class Action>
  SystemResult<T> Guarded(Call kind, Action action) const {
    const std::lock_guard lock(world_->mutex);
    const SystemResult<> entered = Enter(kind);
    if (!entered) return std::unexpected(entered.error());
    return action();
  }

  const std::shared_ptr<FaultyFiles::World> world_;
  const std::unique_ptr<File> real_;
  const std::shared_ptr<Node> node_;
  const std::uint64_t generation_;
  bool direct_ = false;
};

FaultyFiles::FaultyFiles() : world_(std::make_shared<World>()) {}
FaultyFiles::~FaultyFiles() = default;

void FaultyFiles::StopAt(int call) {
  const std::lock_guard lock(world_->mutex);
  world_->stop_at = call;
}
bool FaultyFiles::stopped() const {
  const std::lock_guard lock(world_->mutex);
  return world_->stopped;
}
void FaultyFiles::FailAt(int call, int error) {
  const std::lock_guard lock(world_->mutex);
  world_->next = {call, error};
}
void FaultyFiles::FailAt(Call kind, int call, int error) {
  const std::lock_guard lock(world_->mutex);
  world_->next_of[static_cast<std::size_t>(kind)] = {call, error};
}
bool FaultyFiles::failed() const {
  const std::lock_guard lock(world_->mutex);
  return world_->failed;
}
void FaultyFiles::LimitWrites(std::size_t bytes) {
  const std::lock_guard lock(world_->mutex);
  world_->write_limit = bytes == 0 ? std::numeric_limits<std::size_t>::max() : bytes;
}
void FaultyFiles::Crash(std::uint64_t seed) {
  const std::lock_guard lock(world_->mutex);
  world_->Crash(seed);
}
int FaultyFiles::calls() const {
  const std::lock_guard lock(world_->mutex);
  return world_->calls;
}
int FaultyFiles::calls(Call kind) const {
  const std::lock_guard lock(world_->mutex);
  return world_->calls_of[static_cast<std::size_t>(kind)];
}

SystemResult<std::unique_ptr<File>> FaultyFiles::Create(const std::string& path) {
  const std::lock_guard lock(world_->mutex);
  if (const auto entered = world_->Enter(Call::kCreate); !entered) return std::unexpected(entered.error());
  auto file = world_->real.Create(path);
  if (!file) return file;
  const auto node = std::make_shared<Node>();
  world_->now[path] = node;
  return std::make_unique<FaultyFile>(world_, *std::move(file), node);
}

SystemResult<std::unique_ptr<File>> FaultyFiles::Open(const std::string& path, Access access) {
  const std::lock_guard lock(world_->mutex);
  if (const auto entered = world_->Enter(Call::kOpen); !entered) return std::unexpected(entered.error());
  auto file = world_->real.Open(path, access);
  if (!file) return file;
  const auto node = access == Access::kRead ? std::make_shared<Node>() : world_->Adopt(path, **file);
  return std::make_unique<FaultyFile>(world_, *std::move(file), node);
}

SystemResult<> FaultyFiles::Unlink(const std::string& path) {
  const std::lock_guard lock(world_->mutex);
  if (const auto entered = world_->Enter(Call::kUnlink); !entered) return entered;
  if (const auto file = world_->real.Open(path, Access::kRead)) (void)world_->Adopt(path, **file);
  const auto unlinked = world_->real.Unlink(path);
  if (unlinked) world_->now.erase(path);
  return unlinked;
}

SystemResult<> FaultyFiles::MakeDirectory(const std::string& path) {
  const std::lock_guard lock(world_->mutex);
  if (const auto entered = world_->Enter(Call::kMakeDirectory); !entered) return entered;
  const auto made = world_->real.MakeDirectory(path);
  if (made) world_->now[Trimmed(path)] = std::make_shared<Node>(Node{.directory = true});
  return made;
}

SystemResult<> FaultyFiles::RemoveDirectory(const std::string& path) {
  const std::lock_guard lock(world_->mutex);
  if (const auto entered = world_->Enter(Call::kRemoveDirectory); !entered) return entered;
  const auto removed = world_->real.RemoveDirectory(path);
  if (removed) world_->now.erase(Trimmed(path));
  return removed;
}

SystemResult<> FaultyFiles::SyncDirectory(const std::string& path) {
  const std::lock_guard lock(world_->mutex);
  if (const auto entered = world_->Enter(Call::kSyncDirectory); !entered) return entered;
  const auto found = world_->real.Status(path);  // a real sync would only cost time: losing is ours to do
  if (!found) return std::unexpected(found.error());
  world_->SyncDirectory(Trimmed(path));
  return {};
}

SystemResult<std::vector<std::string>> FaultyFiles::List(const std::string& path) {
  const std::lock_guard lock(world_->mutex);
  if (const auto entered = world_->Enter(Call::kList); !entered) return std::unexpected(entered.error());
  return world_->real.List(path);
}

SystemResult<FileStatus> FaultyFiles::Status(const std::string& path) {
  const std::lock_guard lock(world_->mutex);
  if (const auto entered = world_->Enter(Call::kStatus); !entered) return std::unexpected(entered.error());
  return world_->real.Status(path);
}

SystemResult<DiskSpace> FaultyFiles::Space(const std::string& path) {
  const std::lock_guard lock(world_->mutex);
  return world_->real.Space(path);
}

}  // namespace entrepot::blobs
