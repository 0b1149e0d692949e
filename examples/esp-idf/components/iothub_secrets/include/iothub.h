/* The token and where it goes. Only this component is compiled anew when the token is renewed. */
#pragma once

#ifdef __cplusplus
extern "C" {
#endif

/* What a device needs to post over HTTPS; every text ends in a NUL and lives as long as the program. */
struct iothub {
    const char *device;
    const char *events_url;
    const char *sas_token;
    long long sas_token_expiry; /* seconds since 1970 */
    const char *root_ca;        /* PEM */
};

extern const struct iothub iothub;

#ifdef __cplusplus
}
#endif
