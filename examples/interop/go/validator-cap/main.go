package main

import (
	"context"
	"log"
	"os"

	"github.com/hashicorp/cap/jwt"

	"lanyard/interop/report"
)

func main() {
	ctx := context.Background()
	keys, err := jwt.NewOIDCDiscoveryKeySet(ctx, os.Getenv("ISSUER"), "")
	if err != nil {
		log.Fatal(err)
	}
	validator, err := jwt.NewValidator(keys)
	if err != nil {
		log.Fatal(err)
	}
	report.Print(func(token string) error {
		_, err := validator.Validate(ctx, token, jwt.Expected{
			Issuer:            os.Getenv("ISSUER"),
			Audiences:         []string{os.Getenv("RESOURCE")},
			SigningAlgorithms: []jwt.Alg{jwt.ES256},
		})
		return err
	})
}
