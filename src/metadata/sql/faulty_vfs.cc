#include "metadata/sql/faulty_vfs.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <sqlite3.h>

#include "base/check.h"

namespace entrepot::metadata::sql {
namespace {

constexpr std::size_t kSector = 512;  // what a disk writes whole

/// A write, or a truncation where `bytes` is empty.
struct Change {
  std::size_t offset;
  ByteVector bytes;

  void ApplyTo(ByteVector& content) const {
    if (bytes.empty()) return content.resize(offset);
    content.resize(std::max(content.size(), offset + bytes.size()));
    std::ranges::copy(bytes, content.begin() + static_cast<std::ptrdiff_t>(offset));
  }
};

ByteVector ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void WriteAll(const std::string& path, const ByteVector& content) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(reinterpret_cast<const char*>(content.data()), static_cast<std::streamsize>(content.size()));
}

/// Some of the changes, some of those cut short at a sector.
std::vector<Change> Pick(const std::vector<Change>& changes, std::mt19937& random) {
  std::vector<Change> picked;
  for (const Change& change : changes) {
    const auto draw = random() % 4;
    if (draw == 0) continue;
    picked.push_back(change);
    if (draw == 1 && change.bytes.size() > kSector) {
      const std::size_t sectors = change.bytes.size() / kSector;
      picked.back().bytes.resize((1 + random() % sectors) * kSector);
    }
  }
  return picked;
}

}  // namespace

struct FaultyVfs::File {
  ByteVector durable;
  std::vector<Change> pending;
  bool entry_is_durable = false;  // the directory's entry survives a crash
  bool deleted = false;           // … unless this does, when the directory is next synced
};

/// What SQLite calls. A handle is followed in memory by the default VFS's own.
struct FaultyVfsMethods {
  struct Handle {
    sqlite3_file base;
    FaultyVfs* vfs;
    FaultyVfs::File* file;
    bool syncs_directory;  // at its next sync
    sqlite3_file* real;
  };
  static Handle& Of(sqlite3_file* file) { return *reinterpret_cast<Handle*>(file); }
  static sqlite3_file* Real(sqlite3_file* file) { return Of(file).real; }
  static FaultyVfs& Of(sqlite3_vfs* vfs) { return *static_cast<FaultyVfs*>(vfs->pAppData); }

  static int Open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
    FaultyVfs& self = Of(vfs);
    CHECK(name != nullptr);  // temporary files stay in memory (temp_store)
    const bool existed = std::filesystem::exists(name);
    Handle& handle = Of(file);
    handle.base.pMethods = nullptr;
    handle.vfs = &self;
    handle.real = reinterpret_cast<sqlite3_file*>(&handle + 1);
    const int code = self.real_->xOpen(self.real_, name, handle.real, flags, out_flags);
    if (code != SQLITE_OK) return code;
    handle.base.pMethods = &kMethods;
    handle.syncs_directory = (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)) != 0;
    const std::lock_guard lock(self.mutex_);
    FaultyVfs::File& state = self.Open(name);
    if (existed && !state.entry_is_durable && state.pending.empty() && state.durable.empty()) {
      state.durable = ReadAll(name);
      state.entry_is_durable = true;
    }
    state.deleted = false;
    handle.file = &state;
    return SQLITE_OK;
  }

  static int Delete(sqlite3_vfs* vfs, const char* name, int sync_directory) {
    FaultyVfs& self = Of(vfs);
    const std::lock_guard lock(self.mutex_);
    if (self.Judge(FaultyVfs::Event::kAny) != FaultyVfs::Verdict::kGoOn) return SQLITE_IOERR_DELETE;
    if (const auto found = self.files_.find(name); found != self.files_.end()) found->second->deleted = true;
    if (sync_directory != 0) SyncDirectory(self);
    return self.real_->xDelete(self.real_, name, 0);
  }

  /// One directory is all that a database uses.
  static void SyncDirectory(FaultyVfs& self) {
    for (auto& [path, file] : self.files_) {
      file->entry_is_durable = !file->deleted;
      if (!file->deleted) continue;
      file->durable.clear();
      file->pending.clear();
    }
  }

  static int Write(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
    Handle& handle = Of(file);
    const std::lock_guard lock(handle.vfs->mutex_);
    const auto verdict = handle.vfs->Judge(FaultyVfs::Event::kWrite);
    const int written = verdict == FaultyVfs::Verdict::kFullDisk ? size / 2 : size;
    const auto* bytes = static_cast<const std::uint8_t*>(data);
    handle.file->pending.push_back({static_cast<std::size_t>(offset), ByteVector(bytes, bytes + written)});
    if (verdict == FaultyVfs::Verdict::kIoError) return SQLITE_IOERR_WRITE;
    const int code = handle.real->pMethods->xWrite(handle.real, data, written, offset);
    return verdict == FaultyVfs::Verdict::kFullDisk ? SQLITE_FULL : code;
  }

  static int Truncate(sqlite3_file* file, sqlite3_int64 size) {
    Handle& handle = Of(file);
    const std::lock_guard lock(handle.vfs->mutex_);
    if (handle.vfs->Judge(FaultyVfs::Event::kAny) == FaultyVfs::Verdict::kIoError)
      return SQLITE_IOERR_TRUNCATE;
    handle.file->pending.push_back({static_cast<std::size_t>(size), {}});
    return handle.real->pMethods->xTruncate(handle.real, size);
  }

  static int Sync(sqlite3_file* file, int) {
    Handle& handle = Of(file);
    FaultyVfs& self = *handle.vfs;
    const std::lock_guard lock(self.mutex_);
    if (self.Judge(FaultyVfs::Event::kSync) == FaultyVfs::Verdict::kIoError) {
      if (!self.crashed_)
        handle.file->pending.clear();  // the kernel calls its pages clean now: they are lost
      return SQLITE_IOERR_FSYNC;
    }
    for (const Change& change : handle.file->pending) change.ApplyTo(handle.file->durable);
    handle.file->pending.clear();
    if (handle.syncs_directory) SyncDirectory(self);
    handle.syncs_directory = false;
    return SQLITE_OK;  // the real one would only cost time: `durable` is the disk here
  }

  static int Close(sqlite3_file* file) { return Real(file)->pMethods->xClose(Real(file)); }
  static int Read(sqlite3_file* file, void* data, int size, sqlite3_int64 offset) {
    return Real(file)->pMethods->xRead(Real(file), data, size, offset);
  }
  static int FileSize(sqlite3_file* file, sqlite3_int64* size) {
    return Real(file)->pMethods->xFileSize(Real(file), size);
  }
  static int Lock(sqlite3_file* file, int level) { return Real(file)->pMethods->xLock(Real(file), level); }
  static int Unlock(sqlite3_file* file, int level) {
    return Real(file)->pMethods->xUnlock(Real(file), level);
  }
  static int CheckReservedLock(sqlite3_file* file, int* out) {
    return Real(file)->pMethods->xCheckReservedLock(Real(file), out);
  }
  static int FileControl(sqlite3_file* file, int operation, void* argument) {
    return Real(file)->pMethods->xFileControl(Real(file), operation, argument);
  }
  static int SectorSize(sqlite3_file* file) { return Real(file)->pMethods->xSectorSize(Real(file)); }
  static int DeviceCharacteristics(sqlite3_file* file) {
    return Real(file)->pMethods->xDeviceCharacteristics(Real(file));
  }
  static int ShmMap(sqlite3_file* file, int page, int size, int extend, void volatile** out) {
    return Real(file)->pMethods->xShmMap(Real(file), page, size, extend, out);
  }
  static int ShmLock(sqlite3_file* file, int offset, int count, int flags) {
    return Real(file)->pMethods->xShmLock(Real(file), offset, count, flags);
  }
  static void ShmBarrier(sqlite3_file* file) { Real(file)->pMethods->xShmBarrier(Real(file)); }
  static int ShmUnmap(sqlite3_file* file, int remove) {
    return Real(file)->pMethods->xShmUnmap(Real(file), remove);
  }

  static int Access(sqlite3_vfs* vfs, const char* name, int flags, int* out) {
    return Of(vfs).real_->xAccess(Of(vfs).real_, name, flags, out);
  }
  static int FullPathname(sqlite3_vfs* vfs, const char* name, int size, char* out) {
    return Of(vfs).real_->xFullPathname(Of(vfs).real_, name, size, out);
  }
  static int Randomness(sqlite3_vfs* vfs, int size, char* out) {
    return Of(vfs).real_->xRandomness(Of(vfs).real_, size, out);
  }
  static int Sleep(sqlite3_vfs* vfs, int micros) { return Of(vfs).real_->xSleep(Of(vfs).real_, micros); }
  static int CurrentTime(sqlite3_vfs* vfs, double* out) {
    return Of(vfs).real_->xCurrentTime(Of(vfs).real_, out);
  }
  static int GetLastError(sqlite3_vfs* vfs, int size, char* out) {
    return Of(vfs).real_->xGetLastError(Of(vfs).real_, size, out);
  }

  static constexpr sqlite3_io_methods kMethods = {.iVersion = 2,
                                                  .xClose = Close,
                                                  .xRead = Read,
                                                  .xWrite = Write,
                                                  .xTruncate = Truncate,
                                                  .xSync = Sync,
                                                  .xFileSize = FileSize,
                                                  .xLock = Lock,
                                                  .xUnlock = Unlock,
                                                  .xCheckReservedLock = CheckReservedLock,
                                                  .xFileControl = FileControl,
                                                  .xSectorSize = SectorSize,
                                                  .xDeviceCharacteristics = DeviceCharacteristics,
                                                  .xShmMap = ShmMap,
                                                  .xShmLock = ShmLock,
                                                  .xShmBarrier = ShmBarrier,
                                                  .xShmUnmap = ShmUnmap};
};

FaultyVfs::FaultyVfs(std::string name)
    : name_(std::move(name)), real_(sqlite3_vfs_find(nullptr)), vfs_(std::make_unique<sqlite3_vfs>()) {
  using Methods = FaultyVfsMethods;
  *vfs_ = {.iVersion = 1,
           .szOsFile = static_cast<int>(sizeof(Methods::Handle)) + real_->szOsFile,
           .mxPathname = real_->mxPathname,
           .zName = name_.c_str(),
           .pAppData = this,
           .xOpen = Methods::Open,
           .xDelete = Methods::Delete,
           .xAccess = Methods::Access,
           .xFullPathname = Methods::FullPathname,
           .xRandomness = Methods::Randomness,
           .xSleep = Methods::Sleep,
           .xCurrentTime = Methods::CurrentTime,
           .xGetLastError = Methods::GetLastError};
  CHECK(sqlite3_vfs_register(vfs_.get(), 0) == SQLITE_OK);
}

FaultyVfs::~FaultyVfs() { sqlite3_vfs_unregister(vfs_.get()); }

void FaultyVfs::FailAt(Event event, int nth, Fault fault) {
  const std::lock_guard lock(mutex_);
  awaited_ = event;
  until_fault_ = nth;
  fault_ = fault;
}

void FaultyVfs::Mend() {
  const std::lock_guard lock(mutex_);
  until_fault_ = 0;
  disk_full_ = false;
}

int FaultyVfs::events() const {
  const std::lock_guard lock(mutex_);
  return events_;
}

bool FaultyVfs::crashed() const {
  const std::lock_guard lock(mutex_);
  return crashed_;
}

FaultyVfs::File& FaultyVfs::Open(const std::string& path) {
  auto& file = files_[path];
  if (file == nullptr) file = std::make_unique<File>();
  return *file;
}

/// What becomes of an event: called once for each, under the lock.
FaultyVfs::Verdict FaultyVfs::Judge(Event event) {
  ++events_;
  if (crashed_) return Verdict::kIoError;
  if (until_fault_ > 0 && (awaited_ == Event::kAny || awaited_ == event) && --until_fault_ == 0) {
    if (fault_ != Fault::kDiskFull) {
      crashed_ = fault_ == Fault::kCrash;
      return Verdict::kIoError;
    }
    disk_full_ = true;
  }
  return disk_full_ && event == Event::kWrite ? Verdict::kFullDisk : Verdict::kGoOn;
}

void FaultyVfs::Restart(Survival survival, std::uint32_t seed) {
  const std::lock_guard lock(mutex_);
  std::mt19937 random(seed);
  for (const auto& [path, file] : files_) {
    const bool all = survival == Survival::kEverything;
    const auto chance = [&] { return all || (survival == Survival::kSome && random() % 2 == 0); };
    std::filesystem::remove(path + "-shm");
    const bool entry =
        file->deleted ? file->entry_is_durable && !chance() : file->entry_is_durable || chance();
    if (!entry) {
      std::filesystem::remove(path);
      continue;
    }
    if (survival == Survival::kSome) file->pending = Pick(file->pending, random);
    if (survival != Survival::kNothing)
      for (const Change& change : file->pending) change.ApplyTo(file->durable);
    WriteAll(path, file->durable);
  }
  files_.clear();
  crashed_ = false;
  until_fault_ = 0;
  disk_full_ = false;
}

}  // namespace entrepot::metadata::sql
