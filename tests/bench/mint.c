/* The straight way to mint a token for each line of deviceId,key: OpenSSL's HMAC, stdio, nothing kept between lines. */
#include <ctype.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

static size_t percent_encode(char *to, const char *from)
{
    static const char hex[] = "0123456789ABCDEF";
    char *start = to;
    for (; *from; from++) {
        unsigned char c = (unsigned char)*from;
        if (isalnum(c) || c == '-' || c == '_' || c == '.' || c == '~') {
            *to++ = (char)c;
        } else {
            *to++ = '%';
            *to++ = hex[c >> 4];
            *to++ = hex[c & 15];
        }
    }
    *to = 0;
    return (size_t)(to - start);
}

int main(int argc, char **argv)
{
    static char line[65536], host[1024];
    const char *expiry = argc > 3 ? argv[3] : "0";
    FILE *in = argc > 1 ? fopen(argv[1], "r") : NULL;
    if (!in || argc < 4)
        return 3;
    percent_encode(host, argv[2]);
    while (fgets(line, sizeof line, in)) {
        unsigned char key[512], mac[EVP_MAX_MD_SIZE], text[64];
        char device[512], to_sign[2048], signature[256];
        unsigned int mac_length = 0;
        line[strcspn(line, "\r\n")] = 0;
        char *comma = strchr(line, ',');
        if (!comma || strlen(comma) > 400 || comma - line > 128)
            return 3;
        *comma = 0;
        size_t key_text = strlen(comma + 1);
        int key_length = EVP_DecodeBlock(key, (unsigned char *)comma + 1, (int)key_text);
        if (key_length < 0)
            return 3;
        while (key_text && comma[key_text] == '=') {
            key_text--;
            key_length--;
        }
        percent_encode(device, line);
        int length = snprintf(to_sign, sizeof to_sign, "%s%%2Fdevices%%2F%s\n%s", host, device, expiry);
        HMAC(EVP_sha256(), key, key_length, (unsigned char *)to_sign, (size_t)length, mac, &mac_length);
        EVP_EncodeBlock(text, mac, (int)mac_length);
        percent_encode(signature, (char *)text);
        printf("%s,SharedAccessSignature sr=%s%%2Fdevices%%2F%s&sig=%s&se=%s\n", line, host, device, signature, expiry);
    }
    return 0;
}
