package server;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.autoconfigure.condition.ConditionalOnProperty;
import org.springframework.boot.web.server.servlet.context.ServletWebServerApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.security.config.Customizer;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.oauth2.core.DelegatingOAuth2TokenValidator;
import org.springframework.security.oauth2.jwt.JwtAudienceValidator;
import org.springframework.security.oauth2.jwt.JwtDecoder;
import org.springframework.security.oauth2.jwt.JwtIssuerValidator;
import org.springframework.security.oauth2.jwt.JwtTimestampValidator;
import org.springframework.security.oauth2.jwt.JwtTypeValidator;
import org.springframework.security.oauth2.jwt.NimbusJwtDecoder;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;
import tools.jackson.databind.json.JsonMapper;

/** A resource server with its stock configuration, which is in server.yaml. */
@SpringBootApplication
@RestController
public class ResourceServer {

  @Bean
  SecurityFilterChain security(HttpSecurity http, @Value("${SCOPE}") String scope) throws Exception {
    return http.authorizeHttpRequests((requests) -> requests.anyRequest().hasAuthority("SCOPE_" + scope))
        .oauth2ResourceServer((server) -> server.jwt(Customizer.withDefaults()))
        .build();
  }

  /** With `types: at+jwt`, for a protected resource that keeps the strict type. */
  @Bean
  @ConditionalOnProperty("types")
  JwtDecoder decoder(@Value("${ISSUER}") String issuer, @Value("${RESOURCE}") String resource, @Value("${types}") String types) {
    var decoder = NimbusJwtDecoder.withIssuerLocation(issuer).validateType(false).build();
    decoder.setJwtValidator(new DelegatingOAuth2TokenValidator<>(new JwtTypeValidator(types), new JwtTimestampValidator(),
        new JwtIssuerValidator(issuer), new JwtAudienceValidator(resource)));
    return decoder;
  }

  @GetMapping("/jobs")
  List<String> jobs() {
    return List.of();
  }

  /** Prints which of the tokens in TOKENS it accepts, for `npm run interop`. */
  public static void main(String[] args) throws Exception {
    try (var context = (ServletWebServerApplicationContext) SpringApplication.run(ResourceServer.class, args)) {
      var url = URI.create("http://localhost:" + context.getWebServer().getPort() + "/jobs");
      var json = JsonMapper.builder().build();
      Map<?, ?> tokens = json.readValue(System.getenv("TOKENS"), Map.class);
      var outcomes = new TreeMap<String, String>();
      for (var token : tokens.entrySet()) {
        var request = HttpRequest.newBuilder(url).header("Authorization", "Bearer " + token.getValue()).build();
        var status = HttpClient.newHttpClient().send(request, BodyHandlers.discarding()).statusCode();
        outcomes.put((String) token.getKey(), status == 200 ? "accepted" : "refused");
      }
      System.out.println(json.writeValueAsString(outcomes));
    }
  }
}
