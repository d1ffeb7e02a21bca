#include "base/aead.h"

#include <array>
#include <optional>

#include <openssl/evp.h>

#include "base/check.h"
#ifdef ENTREPOT_VECTOR_AES
#include <intel-ipsec-mb.h>

#include "base/log.h"
#include "base/shared_library.h"
#endif

namespace entrepot {

class Aead::Engine {
 public:
  virtual ~Engine() = default;
  virtual void Seal(Bytes nonce, Bytes associated, Bytes plain, std::uint8_t* out, std::uint8_t* tag) = 0;
  virtual bool Open(Bytes nonce, Bytes associated, Bytes cipher, const std::uint8_t* tag,
                    std::uint8_t* out) = 0;
};

namespace {

class Openssl final : public Aead::Engine {
 public:
  explicit Openssl(const SecretKey& key) {
    static EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
    CHECK(EVP_EncryptInit_ex2(seal_, cipher, key.bytes().data(), nullptr, nullptr) == 1);
    CHECK(EVP_DecryptInit_ex2(open_, cipher, key.bytes().data(), nullptr, nullptr) == 1);
  }
  ~Openssl() override {
    EVP_CIPHER_CTX_free(seal_);
    EVP_CIPHER_CTX_free(open_);
  }

  void Seal(Bytes nonce, Bytes associated, Bytes plain, std::uint8_t* out, std::uint8_t* tag) override {
    int length = 0;
    CHECK(EVP_EncryptInit_ex2(seal_, nullptr, nullptr, nonce.data(), nullptr) == 1);
    if (!associated.empty())
      CHECK(EVP_EncryptUpdate(seal_, nullptr, &length, associated.data(), SizeOf(associated)) == 1);
    if (!plain.empty()) CHECK(EVP_EncryptUpdate(seal_, out, &length, plain.data(), SizeOf(plain)) == 1);
    std::uint8_t none[16];
    CHECK(EVP_EncryptFinal_ex(seal_, none, &length) == 1);
    CHECK(EVP_CIPHER_CTX_ctrl(seal_, EVP_CTRL_AEAD_GET_TAG, Aead::kTagLength, tag) == 1);
  }

  bool Open(Bytes nonce, Bytes associated, Bytes cipher, const std::uint8_t* tag,
            std::uint8_t* out) override {
    int length = 0;
    CHECK(EVP_DecryptInit_ex2(open_, nullptr, nullptr, nonce.data(), nullptr) == 1);
    if (!associated.empty())
      CHECK(EVP_DecryptUpdate(open_, nullptr, &length, associated.data(), SizeOf(associated)) == 1);
    if (!cipher.empty()) CHECK(EVP_DecryptUpdate(open_, out, &length, cipher.data(), SizeOf(cipher)) == 1);
    CHECK(EVP_CIPHER_CTX_ctrl(open_, EVP_CTRL_AEAD_SET_TAG, Aead::kTagLength,
                              const_cast<std::uint8_t*>(tag)) == 1);
    std::uint8_t none[16];
    return EVP_DecryptFinal_ex(open_, none, &length) == 1;
  }

 private:
  static int SizeOf(Bytes bytes) { return static_cast<int>(bytes.size()); }

  EVP_CIPHER_CTX* const seal_ = EVP_CIPHER_CTX_new();
  EVP_CIPHER_CTX* const open_ = EVP_CIPHER_CTX_new();
};

#ifdef ENTREPOT_VECTOR_AES
struct VectorFunctions {
  aes_gcm_pre_t prepare;
  aes_gcm_enc_dec_t seal, open;
};

/// Nothing where the library is not installed, has no vector AES for this processor, or fails its own test.
std::optional<VectorFunctions> FindVectorFunctions() {
  const Result<SharedLibrary> library = SharedLibrary::Load("libIPSec_MB.so.1");
  if (!library) {
    log::Info("content is encrypted by OpenSSL", {{"reason", library.error().ToString()}});
    return std::nullopt;
  }
  decltype(&::alloc_mb_mgr) const allocate = (*library)["alloc_mb_mgr"];
  decltype(&::init_mb_mgr_auto) const initialize = (*library)["init_mb_mgr_auto"];
  decltype(&::free_mb_mgr) const release = (*library)["free_mb_mgr"];
  IMB_MGR* const found = allocate(0);
  if (found == nullptr) return std::nullopt;
  IMB_ARCH architecture = IMB_ARCH_NONE;
  initialize(found, &architecture);
  constexpr std::uint64_t kNeeded = IMB_FEATURE_VAES | IMB_FEATURE_VPCLMULQDQ | IMB_FEATURE_SELF_TEST_PASS;
  const bool vector = architecture == IMB_ARCH_AVX512 && (found->features & kNeeded) == kNeeded;
  const VectorFunctions functions{found->gcm256_pre, found->gcm256_enc, found->gcm256_dec};
  release(found);
  return vector ? std::optional(functions) : std::nullopt;
}

class Vector final : public Aead::Engine {
 public:
  Vector(const VectorFunctions& functions, const SecretKey& key) : functions_(functions) {
    functions_.prepare(key.bytes().data(), &key_);
  }
  ~Vector() override { Wipe({reinterpret_cast<std::uint8_t*>(&key_), sizeof key_}); }

  void Seal(Bytes nonce, Bytes associated, Bytes plain, std::uint8_t* out, std::uint8_t* tag) override {
    gcm_context_data context;
    functions_.seal(&key_, &context, out, plain.data(), plain.size(), nonce.data(), associated.data(),
                    associated.size(), tag, Aead::kTagLength);
  }

  bool Open(Bytes nonce, Bytes associated, Bytes cipher, const std::uint8_t* tag,
            std::uint8_t* out) override {
    gcm_context_data context;
    std::array<std::uint8_t, Aead::kTagLength> computed;
    functions_.open(&key_, &context, out, cipher.data(), cipher.size(), nonce.data(), associated.data(),
                    associated.size(), computed.data(), computed.size());
    return ConstantTimeEqual(computed, Bytes(tag, Aead::kTagLength));
  }

 private:
  const VectorFunctions functions_;
  gcm_key_data key_;
};
#endif

std::unique_ptr<Aead::Engine> MakeEngine(const SecretKey& key,
                                         [[maybe_unused]] Aead::Implementation implementation) {
#ifdef ENTREPOT_VECTOR_AES
  if (implementation == Aead::Implementation::kFastest) {
    static const std::optional<VectorFunctions> functions = FindVectorFunctions();
    if (functions) return std::make_unique<Vector>(*functions, key);
  }
#endif
  return std::make_unique<Openssl>(key);
}

}  // namespace

Aead::Aead(const SecretKey& key, Implementation implementation) : engine_(MakeEngine(key, implementation)) {}
Aead::Aead(Aead&&) noexcept = default;
Aead& Aead::operator=(Aead&&) noexcept = default;
Aead::~Aead() = default;

void Aead::Seal(Bytes nonce, Bytes associated, Bytes plain, std::uint8_t* out, std::uint8_t* tag) {
  CHECK(nonce.size() == kNonceLength);
  engine_->Seal(nonce, associated, plain, out, tag);
}

bool Aead::Open(Bytes nonce, Bytes associated, Bytes cipher, const std::uint8_t* tag, std::uint8_t* out) {
  CHECK(nonce.size() == kNonceLength);
  return engine_->Open(nonce, associated, cipher, tag, out);
}

}  // namespace entrepot
