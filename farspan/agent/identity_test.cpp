// SPDX-License-Identifier: Apache-2.0
#include "farspan/agent/identity.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>

#include "farspan/agent/enrolment.h"
#include "farspan/agent/state_file.h"

namespace farspan::agent {
namespace {

// A CA as small as it gets; the real one is the controller's.
class TinyCa {
 public:
  TinyCa() : key_(EVP_EC_gen("P-256")), certificate_(make("test CA", key_, nullptr)) {}
  ~TinyCa() {
    EVP_PKEY_free(key_);
    X509_free(certificate_);
  }
  std::string der() const { return encode(certificate_); }
  std::string pem() const {
    BIO* bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, certificate_);
    char* bytes = nullptr;
    const long length = BIO_get_mem_data(bio, &bytes);
    std::string text(bytes, static_cast<size_t>(length));
    BIO_free_all(bio);
    return text;
  }
  std::string sign(const std::string& request_der, const std::string& name) const {
    const auto* at = reinterpret_cast<const unsigned char*>(request_der.data());
    X509_REQ* request = d2i_X509_REQ(nullptr, &at, static_cast<long>(request_der.size()));
    EVP_PKEY* key = X509_REQ_get_pubkey(request);
    EXPECT_EQ(X509_REQ_verify(request, key), 1);
    X509* certificate = make(name, key, certificate_);
    std::string der = encode(certificate);
    X509_free(certificate);
    EVP_PKEY_free(key);
    X509_REQ_free(request);
    return der;
  }
  /// Its certificate made anew for the same key, valid in so many seconds from now. DER.
  std::string anew(long from, long to) const {
    X509* certificate = make("test CA", key_, nullptr);
    X509_gmtime_adj(X509_getm_notBefore(certificate), from);
    X509_gmtime_adj(X509_getm_notAfter(certificate), to);
    X509_sign(certificate, key_, EVP_sha256());
    std::string der = encode(certificate);
    X509_free(certificate);
    return der;
  }

 private:
  X509* make(const std::string& name, EVP_PKEY* key, X509* issuer) const {
    X509* certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    X509_set_issuer_name(certificate,
                         X509_get_subject_name(issuer == nullptr ? certificate : issuer));
    X509_set_pubkey(certificate, key);
    X509_sign(certificate, key_, EVP_sha256());
    return certificate;
  }
  static std::string encode(X509* certificate) {
    unsigned char* bytes = nullptr;
    const int length = i2d_X509(certificate, &bytes);
    std::string der(reinterpret_cast<char*>(bytes), static_cast<size_t>(length));
    OPENSSL_free(bytes);
    return der;
  }
  EVP_PKEY* key_;
  X509* certificate_;
};

class IdentityOfNode : public testing::Test {
 protected:
  IdentityOfNode() {
    char pattern[] = "/tmp/farspan-identity-XXXXXX";
    directory_ = ::mkdtemp(pattern);
  }
  ~IdentityOfNode() override { std::filesystem::remove_all(directory_); }
  std::string request() { return *certificate_request(key_, "us-east-1"); }
  Status keep(const std::string& certificate) {
    return keep_identity(directory_, "us-east-1", key_, certificate, ca_.der(), ca_.pem());
  }
  Identity enrolled_anew() {
    key_ = *make_key();
    EXPECT_TRUE(keep(ca_.sign(request(), "us-east-1")).ok());
    return load_identity(directory_, "us-east-1").value();
  }
  void put(const std::string& name, const std::string& bytes) {
    EXPECT_TRUE(write_file(directory_ + "/" + name, bytes).ok());
  }
  std::string directory_, key_ = *make_key();
  TinyCa ca_;
};

TEST_F(IdentityOfNode, IsKeptWithAKeyThatOnlyTheOwnerReads) {
  EXPECT_EQ(load_identity(directory_, "us-east-1").error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(keep(ca_.sign(request(), "us-east-1")).ok());
  const auto identity = load_identity(directory_, "us-east-1");
  ASSERT_TRUE(identity.ok());
  EXPECT_EQ(identity->ca_certificate, ca_.pem());
  struct stat attributes {};
  ASSERT_EQ(::stat((directory_ + "/node.key").c_str(), &attributes), 0);
  EXPECT_EQ(attributes.st_mode & 0777, 0600u);
}

TEST_F(IdentityOfNode, IsTheOldOrTheNewOneWhereverAWriterStopped) {
  const Identity old = enrolled_anew(), next = enrolled_anew();
  EXPECT_NE(old.key, next.key);
  EXPECT_FALSE(std::filesystem::exists(directory_ + "/identity.next"));
  const std::pair<const char*, std::string Identity::*> steps[] = {
      {"node.key", &Identity::key},
      {"ca.crt", &Identity::ca_certificate},
      {"node.crt", &Identity::certificate}};
  for (size_t done = 0; done <= std::size(steps); ++done) {
    for (size_t i = 0; i < std::size(steps); ++i)
      put(steps[i].first, (i < done ? next : old).*steps[i].second);
    put("identity.next", next.key + next.certificate + next.ca_certificate);
    for (const char* when : {"found", "again"}) {
      const auto found = load_identity(directory_, "us-east-1");
      ASSERT_TRUE(found.ok()) << found.error().text();
      EXPECT_EQ(*found, next) << when << " after " << done;
    }
    EXPECT_FALSE(std::filesystem::exists(directory_ + "/identity.next"));
  }
  std::filesystem::remove(directory_ + "/node.crt");  // the first enrolment
  put("identity.next", next.key + next.certificate + next.ca_certificate);
  EXPECT_EQ(load_identity(directory_, "us-east-1").value(), next);
}

TEST_F(IdentityOfNode, IsRefusedByNameWhenItsPartsDoNotBelongTogether) {
  const Identity old = enrolled_anew();
  enrolled_anew();
  put("node.key", old.key);
  EXPECT_EQ(load_identity(directory_, "us-east-1").error().what, "is not for this node's key");
  put("identity.next", old.key);
  const auto torn = load_identity(directory_, "us-east-1");
  EXPECT_EQ(torn.error().code, ErrorCode::kInvalid);
  EXPECT_NE(torn.error().what.find("identity.next"), std::string::npos);
  enrolled_anew();  // and a new bundle repairs it
}

TEST_F(IdentityOfNode, ServesWhateverIsWrongWithABundle) {
  const std::string path = directory_ + "/bundle.json";
  put("bundle.json", "{\"no");
  EXPECT_EQ(enrol(directory_, "us-east-1", "127.0.0.1:1", path).error().what, "is no JSON object");
  const Identity standing = enrolled_anew();
  const auto with = [&](const std::string& bundle) {
    put("bundle.json", bundle);
    const auto found = enrol(directory_, "us-east-1", "127.0.0.1:1", path);
    EXPECT_TRUE(found.ok() && found->identity == standing);
    return found.ok() && found->unused_bundle ? found->unused_bundle->text() : "";
  };
  EXPECT_NE(with("{\"no").find("is no JSON object"), std::string::npos);
  EXPECT_NE(with(R"({"node":"shanghai-1","controller":"c:1","token":"t","ca_certificate":"pem"})")
                .find("is shanghai-1, this is Node us-east-1"),
            std::string::npos);
  EXPECT_NE(with(std::string(100'000, ' ')), "");
  std::filesystem::remove(path);
  EXPECT_FALSE(enrol(directory_, "us-east-1", "127.0.0.1:1", path)->unused_bundle)
      << "none is as it should be";
}

TEST_F(IdentityOfNode, AnotherNodesOrAnotherKeysCertificateIsRefused) {
  EXPECT_EQ(keep(ca_.sign(request(), "shanghai-1")).error().code, ErrorCode::kInvalid);
  const auto foreign = *certificate_request(*make_key(), "us-east-1");
  EXPECT_EQ(keep(ca_.sign(foreign, "us-east-1")).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(keep("no certificate").error().code, ErrorCode::kInvalid);
}

TEST_F(IdentityOfNode, AnotherCaThanThePinnedOneIsDenied) {
  const TinyCa other;
  const auto kept = keep_identity(directory_, "us-east-1", key_, other.sign(request(), "us-east-1"),
                                  other.der(), ca_.pem());
  EXPECT_EQ(kept.error().code, ErrorCode::kDenied);
  // the pinned CA's certificate, but not its signature
  EXPECT_EQ(keep(other.sign(request(), "us-east-1")).error().code, ErrorCode::kInvalid);
  EXPECT_TRUE(std::filesystem::is_empty(directory_));
}

TEST_F(IdentityOfNode, TheSameCaMadeAnewTakesTheOldOnesPlaceWhenItIsGoodNow) {
  const auto keep_with = [&](const std::string& ca) {
    return keep_identity(directory_, "us-east-1", key_, ca_.sign(request(), "us-east-1"), ca,
                         ca_.pem());
  };
  EXPECT_EQ(keep_with(ca_.anew(-7200, -3600)).error().code, ErrorCode::kDenied) << "it has ended";
  EXPECT_EQ(keep_with(ca_.anew(3600, 7200)).error().code, ErrorCode::kDenied) << "not yet valid";
  EXPECT_TRUE(std::filesystem::is_empty(directory_));
  ASSERT_TRUE(keep_with(ca_.anew(-10, 7200)).ok());
  EXPECT_NE(load_identity(directory_, "us-east-1")->ca_certificate, ca_.pem());
}

TEST_F(IdentityOfNode, ServesWhileTheControllerOfANewBundleCannotBeReached) {
  const std::string path = directory_ + "/bundle.json";
  std::string pem;
  for (const char c : ca_.pem()) pem += c == '\n' ? std::string("\\n") : std::string(1, c);
  ASSERT_TRUE(
      write_file(
          path, R"({"node":"us-east-1","controller":"127.0.0.1:1","token":"t","ca_certificate":")" +
                    pem + "\"}")
          .ok());
  ASSERT_TRUE(keep(ca_.sign(request(), "us-east-1")).ok());
  const auto found = enrol(directory_, "us-east-1", "127.0.0.1:1", path);
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->unused_bundle->code, ErrorCode::kUnavailable);
  EXPECT_TRUE(std::filesystem::exists(path)) << "it is still to be used";
}

TEST(EnrolmentBundle, IsReadOrRefusedByField) {
  const auto good =
      parse_bundle(R"({"node":"n","controller":"c:1","token":"t","ca_certificate":"pem"})");
  ASSERT_TRUE(good.ok());
  EXPECT_EQ(good->token, "t");
  EXPECT_EQ(parse_bundle("[]").error().what, "is no JSON object");
  EXPECT_EQ(parse_bundle("{\"no").error().what, "is no JSON object");
  EXPECT_EQ(parse_bundle(R"({"node":1})").error().field, "node");
  EXPECT_EQ(parse_bundle(R"({"node":"n","controller":"c","token":""})").error().field, "token");
}

}  // namespace
}  // namespace farspan::agent
