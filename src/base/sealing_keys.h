#pragma once

// The keys that rows are sealed under for one purpose: one of every root key at hand. What is sealed names
// its root key, so that one can be replaced while rows under both are read (design-storage 2.11).
//
// A handle: copies share the keys. Safe from any thread.

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/crypto.h"
#include "base/result.h"

namespace entrepot {

class SealingKeys {
 public:
  /// Of a root key's id, this many characters.
  static constexpr std::size_t kIdLength = 16;
  struct Key {
    std::string root;
    SecretKey key;
  };

  explicit SealingKeys(Key current);

  /// What new rows are sealed under.
  Key Current() const;
  std::optional<SecretKey> Find(std::string_view root) const;

  /// id of the root key ‖ box.
  ByteVector Seal(Bytes context, Bytes plain) const;
  /// kKeyFailure (facts: kms_error, detail) when it names no key at hand, kDamaged when it was not sealed
  /// under the one it names for this context.
  Result<ByteVector> Open(Bytes context, Bytes sealed) const;
  /// The root key that sealed bytes name; "" = they are too short to name one.
  static std::string_view RootOf(Bytes sealed);

  void Add(Key key);
  /// Makes one of them the current one.
  void Use(std::string_view root);
  /// All but this one, which is the current one.
  void DropOthers(std::string_view root);

 private:
  struct State {
    mutable std::mutex mutex;
    std::map<std::string, SecretKey, std::less<>> keys;
    std::string current;
  };
  std::shared_ptr<State> state_;
};

}  // namespace entrepot
