#include "server/tls_auto.h"

#include <algorithm>
#include <arpa/inet.h>
#include <chrono>
#include <ifaddrs.h>
#include <memory>
#include <optional>
#include <set>
#include <unistd.h>

#include <fmt/format.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/check.h"
#include "base/log.h"
#include "server/small_files.h"

namespace entrepot::server {
namespace {

using std::chrono::days;

constexpr days kAuthorityLife{3650}, kCertificateLife{90}, kRenewBefore{30};

template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freer<X509_free>>;
using Memory = std::unique_ptr<BIO, Freer<BIO_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, Freer<GENERAL_NAMES_free>>;

struct Identity {
  Certificate certificate;
  Key key;
};

// ---- PEM

template <class Writer>
std::string ToPem(Writer write) {
  const Memory memory(BIO_new(BIO_s_mem()));
  CHECK(memory && write(memory.get()) == 1);
  char* text = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

std::string KeyPem(const Key& key) {
  return ToPem([&](BIO* out) {
    return PEM_write_bio_PKCS8PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
}
std::string CertificatePem(const Certificate& certificate) {
  return ToPem([&](BIO* out) { return PEM_write_bio_X509(out, certificate.get()); });
}

Result<Identity> ReadIdentity(const std::filesystem::path& certificate_file,
                              const std::filesystem::path& key_file) {
  const std::string certificate_pem = TRY(ReadSmallFile(certificate_file)),
                    key_pem = TRY(ReadSmallFile(key_file));
  const Memory certificate_text(
      BIO_new_mem_buf(certificate_pem.data(), static_cast<int>(certificate_pem.size())));
  const Memory key_text(BIO_new_mem_buf(key_pem.data(), static_cast<int>(key_pem.size())));
  Identity identity{Certificate(PEM_read_bio_X509(certificate_text.get(), nullptr, nullptr, nullptr)),
                    Key(PEM_read_bio_PrivateKey(key_text.get(), nullptr, nullptr, nullptr))};
  if (!identity.certificate || !identity.key ||
      X509_check_private_key(identity.certificate.get(), identity.key.get()) != 1)
    return Fail(
        ErrorCode::kConfiguration,
        fmt::format("{} and {} are not a certificate and its key: restore them, or remove both and let "
                    "--tls auto make new ones",
                    certificate_file.string(), key_file.string()));
  return identity;
}

// The key goes first: a certificate in its place says that both are there.
Result<> WriteIdentity(const Identity& identity, const std::filesystem::path& certificate_file,
                       const std::filesystem::path& key_file) {
  TRY(WriteFileAtomically(key_file, KeyPem(identity.key), 0600));
  return WriteFileAtomically(certificate_file, CertificatePem(identity.certificate), 0644);
}

// ---- making certificates

Key NewKey() {
  Key key(EVP_EC_gen("P-256"));
  CHECK(key);
  return key;
}

void SetRandomSerial(X509* certificate) {
  const std::unique_ptr<BIGNUM, Freer<BN_free>> number(BN_new());
  CHECK(number && BN_rand(number.get(), 127, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1);
  CHECK(BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr);
}

void SetLife(X509* certificate, Timestamp now, days life) {
  // An hour of the past, for clients whose clock is slow.
  const std::time_t from = now.micros / 1'000'000 - 3600;
  const std::time_t to = now.micros / 1'000'000 + std::chrono::seconds(life).count();
  CHECK(ASN1_TIME_set(X509_getm_notBefore(certificate), from) != nullptr);
  CHECK(ASN1_TIME_set(X509_getm_notAfter(certificate), to) != nullptr);
}

void SetName(X509_NAME* name, const std::string& common_name) {
  CHECK(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                   reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1,
                                   0) == 1);
}

void AddExtension(X509* certificate, X509* issuer, int kind, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, Freer<X509_EXTENSION_free>> extension(
      X509V3_EXT_conf_nid(nullptr, &context, kind, value));
  CHECK(extension && X509_add_ext(certificate, extension.get(), -1) == 1);
}

std::string SubjectNames(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names)
    text += fmt::format("{}{}:{}", text.empty() ? "" : ",", IsNumericAddress(name) ? "IP" : "DNS", name);
  return text;
}

Certificate NewCertificate(const Key& key, Timestamp now, days life) {
  Certificate certificate(X509_new());
  CHECK(certificate && X509_set_version(certificate.get(), X509_VERSION_3) == 1);
  CHECK(X509_set_pubkey(certificate.get(), key.get()) == 1);
  SetRandomSerial(certificate.get());
  SetLife(certificate.get(), now, life);
  return certificate;
}

void Sign(X509* certificate, const Key& key) { CHECK(X509_sign(certificate, key.get(), EVP_sha256()) > 0); }

Identity MakeAuthority(Timestamp now) {
  Identity made{nullptr, NewKey()};
  made.certificate = NewCertificate(made.key, now, kAuthorityLife);
  X509* certificate = made.certificate.get();
  // The year keeps two authorities of one machine apart in a trust store.
  SetName(X509_get_subject_name(certificate), "Entrepot CA " + ToBasicIso8601(now));
  CHECK(X509_set_issuer_name(certificate, X509_get_subject_name(certificate)) == 1);
  AddExtension(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
  AddExtension(certificate, certificate, NID_key_usage, "critical,keyCertSign,cRLSign");
  AddExtension(certificate, certificate, NID_subject_key_identifier, "hash");
  Sign(certificate, made.key);
  return made;
}

Identity MakeCertificate(const Identity& authority, const std::vector<std::string>& names, Timestamp now) {
  Identity made{nullptr, NewKey()};
  made.certificate = NewCertificate(made.key, now, kCertificateLife);
  X509* certificate = made.certificate.get();
  X509* issuer = authority.certificate.get();
  SetName(X509_get_subject_name(certificate), "Entrepot registry");
  CHECK(X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1);
  AddExtension(certificate, issuer, NID_basic_constraints, "critical,CA:FALSE");
  AddExtension(certificate, issuer, NID_key_usage, "critical,digitalSignature");
  AddExtension(certificate, issuer, NID_ext_key_usage, "serverAuth");
  AddExtension(certificate, issuer, NID_subject_key_identifier, "hash");
  AddExtension(certificate, issuer, NID_authority_key_identifier, "keyid:always");
  AddExtension(certificate, issuer, NID_subject_alt_name, SubjectNames(names).c_str());
  Sign(certificate, authority.key);
  return made;
}

// ---- judging the ones that are there

bool ValidFor(const Certificate& certificate, Timestamp now, days rest) {
  std::time_t until = now.micros / 1'000'000 + std::chrono::seconds(rest).count();
  return X509_cmp_time(X509_get0_notAfter(certificate.get()), &until) > 0;
}

std::string AddressText(const ASN1_OCTET_STRING* address) {
  char text[INET6_ADDRSTRLEN] = "";
  const int family = ASN1_STRING_length(address) == 4 ? AF_INET : AF_INET6;
  ::inet_ntop(family, ASN1_STRING_get0_data(address), text, sizeof text);
  return text;
}

std::string NameText(const GENERAL_NAME* name) {
  if (name->type == GEN_IPADD) return AddressText(name->d.iPAddress);
  if (name->type != GEN_DNS) return "";
  const ASN1_STRING* text = name->d.dNSName;
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<std::size_t>(ASN1_STRING_length(text))};
}

std::set<std::string> NamesIn(const Certificate& certificate) {
  const Names names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate.get(), NID_subject_alt_name, nullptr, nullptr)));
  std::set<std::string> texts;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i)
    texts.insert(NameText(sk_GENERAL_NAME_value(names.get(), i)));
  return texts;
}

bool StillGood(const Identity& identity, const Identity& authority, const std::vector<std::string>& names,
               Timestamp now) {
  return ValidFor(identity.certificate, now, kRenewBefore) &&
         X509_verify(identity.certificate.get(), authority.key.get()) == 1 &&
         NamesIn(identity.certificate) == std::set<std::string>(names.begin(), names.end());
}

bool Exists(const std::filesystem::path& file) {
  std::error_code error;
  return std::filesystem::exists(file, error);
}

Result<Identity> EnsureAuthority(const std::filesystem::path& certificate, const std::filesystem::path& key,
                                 Timestamp now) {
  if (!Exists(certificate)) {
    Identity made = MakeAuthority(now);
    TRY(WriteIdentity(made, certificate, key));
    log::Info("made a certificate authority", {{"path", certificate.string()}});
    return made;
  }
  Identity authority = TRY(ReadIdentity(certificate, key));
  if (!ValidFor(authority.certificate, now, kCertificateLife))
    return Fail(
        ErrorCode::kConfiguration,
        fmt::format(
            "the certificate authority {} expires within {} days: remove it and {}, start again, and give "
            "the new one to the clients",
            certificate.string(), kCertificateLife.count(), key.string()));
  return authority;
}

// ---- names

std::vector<std::string> MachineAddresses() {
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) return {};
  const std::unique_ptr<ifaddrs, Freer<::freeifaddrs>> list(first);
  std::vector<std::string> addresses;
  for (const ifaddrs* entry = first; entry != nullptr; entry = entry->ifa_next) {
    char text[INET6_ADDRSTRLEN] = "";
    if (entry->ifa_addr == nullptr) continue;
    if (entry->ifa_addr->sa_family == AF_INET) {
      ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(entry->ifa_addr)->sin_addr, text,
                  sizeof text);
    } else if (entry->ifa_addr->sa_family == AF_INET6) {
      const in6_addr& address = reinterpret_cast<const sockaddr_in6*>(entry->ifa_addr)->sin6_addr;
      if (!IN6_IS_ADDR_LINKLOCAL(&address)) ::inet_ntop(AF_INET6, &address, text, sizeof text);
    }
    if (*text != '\0') addresses.emplace_back(text);
  }
  return addresses;
}

std::string MachineName() {
  char name[256] = "";
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "";
}

void AddMachine(std::set<std::string>& names) {
  for (std::string& address : MachineAddresses()) names.insert(std::move(address));
  if (std::string name = MachineName(); !name.empty()) names.insert(std::move(name));
}

void AddDomain(const Config& config, std::set<std::string>& names) {
  std::vector<Region> regions = config.regions;
  if (regions.empty()) regions.push_back(config.region);
  for (const Region& region : regions) {
    names.insert(fmt::format("{}.dkr.ecr.{}.{}", config.account_id.str(), region.str(), config.domain));
    names.insert(fmt::format("*.dkr.ecr.{}.{}", region.str(), config.domain));
    names.insert(fmt::format("api.ecr.{}.{}", region.str(), config.domain));
  }
}

}  // namespace

std::vector<std::string> CertificateNames(const Config& config) {
  std::set<std::string> names{"localhost", "127.0.0.1", "::1"};
  names.insert(config.tls_names.begin(), config.tls_names.end());
  for (const HostPort& address : config.listen) {
    if (address.wildcard())
      AddMachine(names);
    else
      names.insert(address.host);
  }
  if (!config.domain.empty()) AddDomain(config, names);
  return {names.begin(), names.end()};
}

Result<TlsFiles> EnsureCertificate(const std::filesystem::path& directory,
                                   const std::vector<std::string>& names, const Clock& clock) {
  CHECK(!names.empty());
  TRY(CreatePrivateDirectory(directory));
  const TlsFiles files{directory / "server.crt", directory / "server.key", directory / "ca.crt"};
  const Identity authority = TRY(EnsureAuthority(files.authority, directory / "ca.key", clock.Now()));
  const bool present = Exists(files.certificate) && Exists(files.key);
  const Result<Identity> current =
      present ? ReadIdentity(files.certificate, files.key) : Fail(ErrorCode::kStorageFault);
  if (current && StillGood(*current, authority, names, clock.Now())) return files;
  TRY(WriteIdentity(MakeCertificate(authority, names, clock.Now()), files.certificate, files.key));
  log::Info("made a server certificate",
            {{"path", files.certificate.string()}, {"names", SubjectNames(names)}});
  return files;
}

}  // namespace entrepot::server
