// SPDX-License-Identifier: Apache-2.0
#include "farspan/controller/certificate_authority.h"

#include <gmock/gmock.h>
#include <openssl/rsa.h>
#include <sys/stat.h>

#include "farspan/controller/certificate.h"
#include "farspan/controller/private_file.h"
#include "farspan/controller/test_network.h"
#include "farspan/controller/test_request.h"

namespace farspan::controller {
namespace {

using testing::HasSubstr;

const auto kNow = std::chrono::system_clock::now();

std::unique_ptr<CertificateAuthority> open(const StateDirectory& directory) {
  auto authority = CertificateAuthority::open(directory.path());
  EXPECT_TRUE(authority.ok()) << authority.error().text();
  return std::move(authority).value();
}

TEST(CertificateAuthority, IsTheSameAfterARestartAndItsKeyIsPrivate) {
  const StateDirectory directory;
  const std::string first = open(directory)->certificate_pem();
  EXPECT_EQ(open(directory)->certificate_pem(), first);
  struct stat key {};
  ASSERT_EQ(stat((directory.path() + "/ca.key").c_str(), &key), 0);
  EXPECT_EQ(key.st_mode & 0777, 0600u);
}

TEST(CertificateAuthority, FinishesAStartThatStoppedBetweenItsTwoFiles) {
  const StateDirectory directory;
  open(directory);
  std::filesystem::remove(directory.path() + "/ca.crt");
  open(directory);
}

TEST(CertificateAuthority, RefusesHalfOfItself) {
  const StateDirectory directory;
  open(directory);
  std::filesystem::remove(directory.path() + "/ca.key");
  const auto half = CertificateAuthority::open(directory.path());
  ASSERT_FALSE(half.ok());
  EXPECT_THAT(half.error().remedy, HasSubstr("restore"));
}

TEST(CertificateAuthority, RefusesTheKeyOfAnotherCa) {
  const StateDirectory directory, other;
  open(directory);
  open(other);
  std::filesystem::copy_file(other.path() + "/ca.key", directory.path() + "/ca.key",
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_FALSE(CertificateAuthority::open(directory.path()).ok());
}

TEST(CertificateAuthority, NamesTheNodeWhateverTheRequestSays) {
  const StateDirectory directory;
  const auto authority = open(directory);
  const TestRequest request;
  model::Node node;
  node.meta.name = "us-east-node";
  node.identity_revision = 7;
  node.identity_random = 0xab;
  const auto der = authority->sign_node(request.der, node, kNow);
  ASSERT_TRUE(der.ok()) << der.error().text();
  const X509Ptr certificate = certificate_from(*der);
  ASSERT_TRUE(certificate);
  char name[128];
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, name,
                            sizeof name);
  EXPECT_STREQ(name, "us-east-node");
  EXPECT_EQ(X509_check_host(certificate.get(), "r7-00000000000000ab.us-east-node.node.farspan", 0,
                            0, nullptr),
            1);
  EXPECT_EQ(X509_check_purpose(certificate.get(), X509_PURPOSE_SSL_CLIENT, 0), 1);
  EXPECT_EQ(X509_check_purpose(certificate.get(), X509_PURPOSE_SSL_SERVER, 0), 1);
  EXPECT_EQ(X509_check_ca(certificate.get()), 0);
  const X509Ptr issuer = certificate_from(authority->certificate_der());
  EXPECT_EQ(X509_verify(certificate.get(), X509_get0_pubkey(issuer.get())), 1);
}

TEST(CertificateAuthority, RefusesMalformedRequests) {
  const StateDirectory directory;
  const auto authority = open(directory);
  const std::string good = TestRequest().der;
  std::string tampered = good;
  tampered[good.size() - 3] = static_cast<char>(tampered[good.size() - 3] ^ 1);
  for (const std::string& bad :
       {std::string(), std::string("junk"), good.substr(0, good.size() / 2), good + "x", tampered,
        std::string(9000, '\x30')})
    EXPECT_EQ(authority->sign_node(bad, {}, kNow).error().code, ErrorCode::kInvalid);
}

TEST(CertificateAuthority, RefusesWeakKeys) {
  const StateDirectory directory;
  const TestRequest weak(EVP_RSA_gen(1024));
  EXPECT_THAT(open(directory)->sign_node(weak.der, {}, kNow).error().what, HasSubstr("weak"));
}

TEST(CertificateAuthority, ItsServerCertificateNamesTheControllerAndItsAddresses) {
  const StateDirectory directory;
  const auto identity = open(directory)->make_server_identity({"127.0.0.1", "c.example.net"}, kNow);
  ASSERT_TRUE(identity.ok()) << identity.error().text();
  const BioPtr bio(BIO_new_mem_buf(identity->certificate_pem.data(), -1));
  const X509Ptr certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  EXPECT_EQ(X509_check_host(certificate.get(), "controller.farspan", 0, 0, nullptr), 1);
  EXPECT_EQ(X509_check_host(certificate.get(), "c.example.net", 0, 0, nullptr), 1);
  EXPECT_EQ(X509_check_ip_asc(certificate.get(), "127.0.0.1", 0), 1);
}

model::Node node_named(const std::string& name) {
  model::Node node;
  node.meta.name = name;
  return node;
}

// The CA's certificate in `directory` is replaced by one that was made `ago`.
std::string made_ago(const StateDirectory& directory, std::chrono::days ago) {
  const std::string key_pem = *read_file(directory.path() + "/ca.key").value();
  const BioPtr bio(BIO_new_mem_buf(key_pem.data(), static_cast<int>(key_pem.size())));
  const PkeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  const CertificatePlan plan{"Farspan CA", "", true, kNow - ago, std::chrono::days(3650)};
  const auto certificate = make_certificate(plan, key.get(), nullptr, key.get());
  const std::string pem = pem_of(certificate->get());
  EXPECT_TRUE(write_private_file(directory.path() + "/ca.crt", pem).ok());
  return pem;
}

bool is_signed_by(const std::string& certificate_der, const std::string& ca_pem) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(certificate_der.data());
  const X509Ptr made(d2i_X509(nullptr, &bytes, static_cast<long>(certificate_der.size())));
  const X509Ptr ca = certificate_from_pem(ca_pem);
  return X509_verify(made.get(), X509_get0_pubkey(ca.get())) == 1 &&
         X509_check_issued(ca.get(), made.get()) == X509_V_OK;
}

TEST(CertificateAuthority, IsMadeAnewWithAThirdOfItsLifeLeftAndIsTheSame) {
  const StateDirectory directory;
  open(directory);
  const std::string young = made_ago(directory, std::chrono::days(2400));
  EXPECT_EQ(open(directory)->certificate_pem(), young);
  for (const auto ago :
       {std::chrono::days(2450), std::chrono::days(20'000), std::chrono::days(-2)}) {
    const std::string old = made_ago(directory, ago);
    const auto authority = open(directory);
    EXPECT_NE(authority->certificate_pem(), old) << ago.count();
    EXPECT_EQ(open(directory)->certificate_pem(), authority->certificate_pem()) << "it is kept";
    const TestRequest request;
    const auto node = authority->sign_node(request.der, node_named("n"), kNow);
    EXPECT_TRUE(is_signed_by(*node, old)) << "whoever trusts the old one trusts it";
    EXPECT_TRUE(is_signed_by(*node, authority->certificate_pem()));
  }
}

TEST(CertificateAuthority, RenewsForANewKeyOnly) {
  const StateDirectory directory;
  const auto authority = open(directory);
  const TestRequest first, second;
  const auto standing = authority->sign_node(first.der, node_named("n"), kNow);
  const std::string key = public_key_of(certificate_from(*standing).get());
  EXPECT_FALSE(authority->renew_node(first.der, node_named("n"), key, kNow).ok());
  EXPECT_TRUE(authority->renew_node(second.der, node_named("n"), key, kNow).ok());
}

}  // namespace
}  // namespace farspan::controller
