#define WIFI_SSID "the network's name"
#define WIFI_PASSWORD "its password"
