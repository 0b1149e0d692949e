// Posts one message to an Azure IoT Hub and prints the hub's answer: 204 is success.
//
// iothub_secrets.h: hubctl sas-token device1 --format arduino --with-ca --duration 7d -o iothub_secrets.h

#include <Arduino.h>
#include <HTTPClient.h>
#include <WiFi.h>
#include <WiFiClientSecure.h>
#include <time.h>

#include "iothub_secrets.h"
#include "wifi_secrets.h"

static const unsigned long INTERVAL_MS = 60000;

static void connectWiFi() {
  WiFi.begin(WIFI_SSID, WIFI_PASSWORD);
  while (WiFi.status() != WL_CONNECTED) {
    delay(500);
    Serial.print(".");
  }
  Serial.println(" connected");
}

// A certificate has dates, so the clock must be right before the first handshake.
static void setClock() {
  configTime(0, 0, "pool.ntp.org", "time.nist.gov");
  while (time(nullptr) < 1700000000) {
    delay(500);
  }
}

static int postMessage(const char *body) {
  if (static_cast<long long>(time(nullptr)) >= SAS_TOKEN_EXPIRY) {
    Serial.println("The token has expired: run hubctl sas-token again and flash this board.");
  }
  WiFiClientSecure client;
  client.setCACert(IOT_HUB_ROOT_CA);
  HTTPClient https;
  if (!https.begin(client, IOT_HUB_EVENTS_URL)) {
    return -1;
  }
  https.addHeader("Authorization", SAS_TOKEN);
  https.addHeader("Content-Type", "application/json");
  const int status = https.POST(reinterpret_cast<uint8_t *>(const_cast<char *>(body)), strlen(body));
  https.end();
  return status;
}

void setup() {
  Serial.begin(115200);
  connectWiFi();
  setClock();
  Serial.printf("Posting as %s to %s\n", DEVICE_NAME, IOT_HUB_HOST);
}

void loop() {
  Serial.println(postMessage("{\"temperature\": 24.5}"));
  delay(INTERVAL_MS);
}
